"""What the documentation shows is what happens: every block of code in it is run."""
