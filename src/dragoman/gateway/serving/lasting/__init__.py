"""Answers that go on although their caller has left: to be accounted, or to be resumed."""
