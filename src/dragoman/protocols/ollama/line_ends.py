"""What may stand between two lines, and what may not stand inside of one."""

HEARTBEAT = b" "
"""A blank before the next line: an empty line is an error for the vendor's SDK."""

BREAKS = ((b"\xe2\x80\xa8", rb"\u2028"), (b"\xe2\x80\xa9", rb"\u2029"), (b"\xc2\x85", rb"\u0085"))
"""Characters at which the vendor's Python SDK ends a line, although they stand inside of JSON: to be escaped."""


def escaped(lines: bytes) -> bytes:
    """`lines`, in which no character but LF ends a line."""
    if not lines.isascii():
        for mark, spelling in BREAKS:
            if mark in lines:
                lines = lines.replace(mark, spelling)
    return lines
