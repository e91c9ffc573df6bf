"""Tools for protocols that have only text: told in words, and called in words. Knows no vendor."""
