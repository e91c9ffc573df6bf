"""Tools and their calls, in the forms that services take. Knows no dialect."""
