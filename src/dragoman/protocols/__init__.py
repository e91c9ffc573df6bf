"""Dialects, with two halves each: the client half calls a service, the server half answers a caller. No I/O."""
