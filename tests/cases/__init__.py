"""Cases: one readable file each, and what runs them."""
