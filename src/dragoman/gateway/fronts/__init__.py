"""The fronts, one file each, and the table of their paths."""
