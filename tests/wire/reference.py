"""The event stream interpretation of the standard, step by step over whole text. Slow, and in the standard's own order.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

import re


def interpret(body: bytes) -> list[tuple[str, str]]:
    """The (data, event type) pairs that a client dispatches; the type is empty where none was set."""
    lines = re.split("\r\n|\n|\r", body.decode("utf-8", "replace"))
    dispatched: list[tuple[str, str]] = []
    data, event = "", ""
    for line in lines[:-1]:
        if line == "":
            if data != "":
                dispatched.append((data.removesuffix("\n"), event))
            data, event = "", ""
        else:
            # Before the first line the standard drops a byte order mark, and here it is dropped before any.
            field, colon, value = line.removeprefix("\ufeff").partition(":")
            if colon and value.startswith(" "):
                value = value[1:]
            if field == "event":
                event = value
            elif field == "data":
                data += value + "\n"
    return dispatched
