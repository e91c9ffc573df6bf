"""The clock and the randomness of this machine, in the form in which codecs get them."""

import os
import secrets
import string
import time
from email.utils import formatdate

from dragoman.protocols.env import Env
from dragoman.types import ModelProfile, ResponseHead

UNKNOWN = ModelProfile()
"""A model of which nothing is known."""

_ALPHABET = string.ascii_lowercase + string.digits


def get_random_string(length: int = 10) -> str:
    """A random identifier of lower-case letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def system_env(key: str | None = None, profile: ModelProfile = UNKNOWN) -> Env:
    """The time, real randomness, the credential to send, and what is known of the model."""
    return Env(now=time.time(), new_id=_new_id, key=key, profile=profile, clock=time.time)


def dated(head: ResponseHead) -> ResponseHead:
    """`head` with a date: if its service has named none, that of its arrival (RFC 9110, section 6.6.1)."""
    if head.header("date") is not None:
        return head
    return ResponseHead(head.status, (*head.headers, (b"date", formatdate(time.time(), usegmt=True).encode())))


def _new_id() -> str:
    return os.urandom(12).hex()
