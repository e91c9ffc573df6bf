"""The clock and the randomness of this machine, in the form in which codecs get them."""

import os
import secrets
import string
import time

from dragoman.protocols.env import Env
from dragoman.types import ModelProfile

UNKNOWN = ModelProfile()
"""A model of which nothing is known."""

_ALPHABET = string.ascii_lowercase + string.digits


def get_random_string(length: int = 10) -> str:
    """A random identifier of lower-case letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def system_env(key: str | None = None, profile: ModelProfile = UNKNOWN) -> Env:
    """The time, real randomness, the credential to send, and what is known of the model."""
    return Env(now=time.time(), new_id=_new_id, key=key, profile=profile, clock=time.time)


def _new_id() -> str:
    return os.urandom(12).hex()
