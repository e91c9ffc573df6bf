"""Values that fit a schema."""
