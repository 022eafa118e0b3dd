"""What makes a network the authors': initial weights, padding, weights from files."""
