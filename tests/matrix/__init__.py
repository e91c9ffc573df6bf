"""The vendors' own clients against the gateway: every dialect in front of every dialect, scenario by scenario."""
