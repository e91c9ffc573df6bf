"""What is answered where: one file a front, and the table of their paths."""
