"""Ids of items: those that we make for what another service has not numbered, and how OpenAI's begin."""

import re

MADE = "dr1"
"""Stands behind the prefix of an id that we made: no service knows it."""

SHOWN = "rst"
"""The prefix of an id of thoughts that are told as a summary: when they come back, they are thoughts again."""

ANSWER = "resp_"
"""How the id of an answer begins."""

IS_MADE = re.compile(rf"[a-z]+_{MADE}")
"""How an id begins that we made."""
OWN_IDS = re.compile(r"[a-z]+_")
"""How OpenAI's own ids begin; it refuses all others."""


def id_within(answer_id: str, number: int) -> str:
    """What stands behind `MADE` in the id of an item that says to which answer it belongs."""
    return f"i{answer_id.removeprefix(ANSWER)}n{number}"


def was_shown(item: str | None) -> bool:
    """Whether the item with this id is of thoughts that were told as a summary."""
    return item is not None and item.startswith(f"{SHOWN}_{MADE}")
