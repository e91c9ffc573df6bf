"""Answers as services of each dialect write them, and odd ones that are legal. Shares no code with what is tested."""
