"""Recording the training dynamics of a loop of one's own, whatever its framework."""
