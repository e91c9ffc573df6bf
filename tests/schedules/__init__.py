"""Tasks that are cancelled wherever they wait, or that run in another order: nothing is left, and all is right."""
