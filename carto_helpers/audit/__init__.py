"""Where the paper disagrees with itself, its data or its code."""
