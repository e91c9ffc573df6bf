"""Recorded exchanges of real services, which are not part of the project, run through every decoder and codec."""
