"""What a reply that is no answer says: statuses, codes, pages and JSON of every shape. Knows no vendor."""
