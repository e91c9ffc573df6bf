"""A conversation at a terminal: what is typed, commands to the program, and files that are kept."""
