"""Harm done for real to runs, files and machines' limits, and what the record makes of it."""
