"""One file of each kind that can be added to the package, as its author would write it. Tests put them into a copy."""
