"""The private protocols of four chat web sites, and what only they share."""
