"""Reads of a service that sends events alone: such as may pass by a bypass, and others."""

EVENT = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}]}\n\n'


def chunk(text: bytes = b" word", size: bytes = b"%x", after: bytes = b"\r\n") -> bytes:
    """A chunk with an event of this text."""
    event = EVENT % text
    return size % len(event) + b"\r\n" + event + after


PASSES = {
    "an event": chunk(),
    "no text": chunk(b""),
    "escapes": chunk(rb"\"quoted\" \n \u00e9 \\ "),
    "other characters": chunk("Grüße".encode()),
    "a few events": chunk() + chunk(b"two") + chunk(b"three"),
    "three digits": chunk(b"x" * 300),
}
STAYS = {
    "half a chunk": chunk()[:-10],
    "a chunk without its last byte": chunk()[:-1],
    "a chunk without its end": chunk(after=b""),
    "a chunk and a half": chunk() + chunk()[:20],
    "a chunk and a byte": chunk() + b"5",
    "the end": b"0\r\n\r\n",
    "an event and the end": chunk() + b"0\r\n\r\n",
    "no frame": EVENT % b"x",
    "nothing but a line end": b"\r\n",
    "upper case": chunk(size=b"%X"),
    "a zero before": chunk(size=b"0%x"),
    "an extension": chunk(size=b"%x;a=b"),
    "a blank": chunk(size=b"%x "),
    "a sign": chunk(size=b"+%x"),
    "a length too short": b"50\r\n" + EVENT % b"x" + b"\r\n",
    "a length too long": b"5f\r\n" + EVENT % b"x" + b"\r\n",
    "a string that ends": chunk(b'a","refusal":"b'),
    "a line end": chunk(b"a\n"),
    "a CR": chunk(b"a\r"),
    "a control character": chunk(b"a\x01"),
    "a NUL": chunk(b"\0"),
    "an escape at the end": chunk(b"a\\"),
    "an escaped backslash at the end": chunk(rb"a\\"),
    "two events in a chunk": b"%x\r\n%b\r\n" % (2 * len(EVENT % b"x"), 2 * (EVENT % b"x")),
    "another event": b"e\r\ndata: [DONE]\n\n\r\n",
    "an event and another": chunk() + b"e\r\ndata: [DONE]\n\n\r\n",
}
