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


MORE = frozenset({"custom", "namespace", "tool_search", "custom_tool_call", "custom_tool_call_output"})
"""The types of tools that are no functions and of groups of tools, and of items that belong to calls of freeform tools.
Those that belong to a search have it among the tools."""

MARKS = (b'"custom', b'"namespace"')
"""What stands in requests that have some of these, or a field of such a name."""

SEARCH = b'"tool_search"'
"""The same, in tools alone."""


class _Item(Struct):
    """What is looked at of an item, and of a tool."""

    id: Any = None
    type: Any = None
    namespace: Any = None
    tools: Any = None


_items = reader(list[_Item])


def passes(fields: Mapping[str, Any], variant: Variant) -> bool:
    """Whether a request with these `fields`, each as JSON text or as a value, can pass."""
    if not variant.penalties and any(text_of(fields.get(name)) != b"null" for name in PENALTIES):
        return False
    conversation = text_of(fields.get("input"))
    return OURS not in conversation and (not variant.own_ids or _ids_pass(conversation))


def has_only_functions(text: bytes, fields: Mapping[str, Any]) -> bool:
    """Whether there are neither freeform tools, searches for tools nor groups of tools, nor calls of such.

    `text`: the whole request, if it is at hand. Functions may have parameters of the same names.
    """
    tools = text_of(fields.get("tools"))
    if not _is_of_functions(tools, (*MARKS, SEARCH)):
        return False
    if text and all(mark not in text for mark in MARKS):
        return True
    return _is_of_functions(text_of(fields.get("input")), MARKS)


def _is_of_functions(listed: bytes, marks: tuple[bytes, ...]) -> bool:
    if all(mark not in listed for mark in marks) or not listed.lstrip().startswith(b"["):
        return True
    try:
        found = _items(listed) if len(listed) <= LARGE else None
    except msgspec.MsgspecError:
        found = None
    return found is not None and not any(map(_has_more, found))


def _has_more(item: _Item) -> bool:
    """Whether a tool or an item is more than a function, or brings such tools."""
    if item.namespace is not None or (isinstance(item.type, str) and item.type in MORE):
        return True
    inner = item.tools if isinstance(item.tools, list) else ()
    return any(isinstance(each, dict) and each.get("type") in MORE for each in inner)


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
