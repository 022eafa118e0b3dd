"""What is fast and what is not, each figure beside what a user would otherwise run."""
