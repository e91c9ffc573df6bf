"""A browser's `user-agent`, for chat sites that answer only their own web page. Knows no site."""

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
"""A release with long-term support, because many browsers in use send the same."""
