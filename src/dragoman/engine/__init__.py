"""Codec and transport joined: a request goes out in a protocol, events come back."""
