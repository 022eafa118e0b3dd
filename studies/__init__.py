"""Small experiments that answer a question the paper leaves open; each writes rows of its own."""
