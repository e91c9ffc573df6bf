"""Replies that are not answers: statuses, error codes, HTML pages and JSON of every shape. Knows no vendor."""
