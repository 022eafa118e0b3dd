"""Runs of teachers and students: planned, claimed, trained here or elsewhere, recorded."""
