"""Pages and files made from the record."""
