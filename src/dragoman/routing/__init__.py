"""Policies around a handler: which service, when, how often. Knows no protocol."""
