"""A conversation at a terminal: what is typed, what may be said to the program, and what is kept."""
