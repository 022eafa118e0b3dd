"""Images in: where they come from, decoded once, checked, as one tensor a split."""
