"""What a running gateway has counted, as tables for people."""
