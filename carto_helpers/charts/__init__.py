"""The parts of charts and tables: the data map, its look, how cells are printed."""
