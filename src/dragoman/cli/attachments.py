"""Files that go with a question."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from dragoman.cli.files import read
from dragoman.cli.question import note_silence
from dragoman.client.attachments import Attachment, attachment
from dragoman.error_words import cut
from dragoman.errors import InvalidRequestError
from dragoman.types import Message, Text

STDIN = "-"
"""The name that means stdin."""

URL = re.compile(r"https?://")

LARGEST = 32 << 20
"""Bytes of a file: what the gateway takes of a request, and more than most services take."""


def attach(name: str) -> Attachment:
    """The file at the path `name`, or stdin, as a part of a message. Raises InvalidRequestError."""
    if URL.match(name):
        raise InvalidRequestError(
            f"{cut(name)}: expected a file, got a URL: fetch it first, as by `curl URL | dragoman ask -a -`"
        )
    if name != STDIN:
        path = Path(name)
        return attachment(read(path, LARGEST), path.name)
    if sys.stdin is None:
        raise InvalidRequestError("stdin is closed: nothing can be attached from it")
    note_silence()
    data = sys.stdin.buffer.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise InvalidRequestError(f"stdin: expected at most {LARGEST >> 20} MiB, got more")
    return attachment(data, "stdin")


def question(text: str, attached: Sequence[Attachment]) -> Message:
    """A message with what is attached before its text, as services advise.

    Texts are one part, with blank lines between them: services that take nothing but plain text then get that.
    """
    texts = [part.text for part in attached if isinstance(part, Text)]
    media = [part for part in attached if not isinstance(part, Text)]
    whole = "\n\n".join([*texts, *([text] if text else [])])
    return Message("user", (*media, *([Text(text=whole)] if whole else [])))
