"""Answers as no service should write them, by the thousand, and what must still be true of what comes out."""
