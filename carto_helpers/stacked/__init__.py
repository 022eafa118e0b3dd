"""Many students of one architecture trained as one network."""
