"""Configurations of other programs, each read by an importer of one file. Touches no file and prints nothing."""
