"""The schemas of tools, compiled to what a target takes of JSON Schema. Knows no vendor."""
