"""Which requests can pass to a service as they came: the rest is translated.

Little is read of a request here. If it is translated in vain, nothing else happens.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from dragoman.protocols.openai_responses.item_ids import MADE, OWN_IDS
from dragoman.protocols.openai_responses.request import Variant
from dragoman.protocols.relay_body import LARGE, text_of
from dragoman.wire.floats import reader

PENALTIES = ("frequency_penalty", "presence_penalty")

OURS = f"_{MADE}".encode()
"""What stands in the ids of items that another service has not numbered. OpenAI looks for reasoning under its id:
OpenMinis/OpenMinis#386, router-for-me/CLIProxyAPI#2112."""


class _Item(Struct):
    """What is looked at of an item."""

    id: Any = None


_items = reader(list[_Item])


def passes(fields: Mapping[str, Any], variant: Variant) -> bool:
    """Whether a request with these `fields`, each as JSON text or as a value, can pass."""
    if not variant.penalties and any(text_of(fields.get(name)) != b"null" for name in PENALTIES):
        return False
    conversation = text_of(fields.get("input"))
    return OURS not in conversation and (not variant.own_ids or _ids_pass(conversation))


def _ids_pass(conversation: bytes) -> bool:
    """Whether all ids are in OpenAI's own form."""
    if b'"id"' not in conversation or not conversation.lstrip().startswith(b"["):
        return True
    try:
        found = _items(conversation) if len(conversation) <= LARGE else None
    except msgspec.MsgspecError:
        found = None
    if found is None:  # there are too many, or they are wrong, which the translation says
        return False
    return all(item.id is None or (isinstance(item.id, str) and OWN_IDS.match(item.id)) for item in found)
