"""Strategies: the order in which a route asks its targets. One a file; none knows another."""
