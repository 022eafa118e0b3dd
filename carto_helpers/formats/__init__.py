"""Files and tables of other tools, read and written."""
