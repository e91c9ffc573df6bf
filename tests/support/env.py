"""A clock that stands still and randomness that counts, so that bytes can be foretold."""

from itertools import count

from dragoman.protocols.env import Env

NOW = 1_795_230_435.397


def fixed_env(key: str | None = None) -> Env:
    """An Env whose ids are id0001, id0002 …"""
    ids = count(1)
    return Env(now=NOW, new_id=lambda: f"id{next(ids):04}", key=key)
