"""HTML pages, recognised by their first bytes. Knows no vendor."""

import re

from dragoman.wire.utf8 import BOM

PAGES = (b"<!doctype html", b"<html")
LOOKED_AT = 1445
"""Bytes in which a page must begin, as many as a browser reads; https://mimesniff.spec.whatwg.org/#reading-the-resource-header"""

_BLANK = re.compile(rb"(?:\xef\xbb\xbf|[ \t\r\n\f])*")
_STARTS = (*PAGES, BOM)


def looks_like_html(head: bytes) -> bool | None:
    """Whether a body that begins with `head` is a page; None while more bytes could make it one."""
    blank = _BLANK.match(head)
    start = head[blank.end() if blank else 0 :][: len(PAGES[0])].lower()
    if start.startswith(PAGES):
        return True
    if len(head) < LOOKED_AT and any(word.startswith(start) for word in _STARTS):
        return None
    return False
