"""The fronts, a file or a folder each, and the table of their paths."""
