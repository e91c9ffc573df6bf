"""Items of a request that name an item of an earlier answer by its id: `{"type": "item_reference", "id": …}`.

An item of an answer that is kept has an id that says which answer it belongs to, so that nothing else is kept for it.
https://platform.openai.com/docs/api-reference/responses/create#responses-create-input, seen 2026-11-28.
"""

import re
from collections.abc import Mapping
from typing import Any

from dragoman.protocols.openai_responses.item_ids import ANSWER, MADE
from dragoman.wire import json

REFERENCE = "item_reference"
_TYPE = REFERENCE.encode()
_ID = re.compile(rb'"[a-z]+_%bi([0-9a-z]+)n[0-9]+"' % MADE.encode())


def answers_in(body: bytes) -> tuple[str, ...]:
    """The ids of the answers whose items a request's body may refer to; none if it has no reference."""
    if _TYPE not in body:
        return ()
    return tuple(f"{ANSWER}{found.decode()}" for found in dict.fromkeys(_ID.findall(body)))


def items_of(answer: Any) -> dict[str, Any]:
    """The items of an answer, as JSON, by their ids."""
    output = answer.get("output") if isinstance(answer, Mapping) else None
    return {item["id"]: item for item in output or () if isinstance(item, Mapping) and isinstance(item.get("id"), str)}


def with_items(body: bytes, items: Mapping[str, Any]) -> bytes:
    """A request's body with `items`, by id, in place of what refers to them. Raises InvalidRequestError."""
    asked = json.decode_request(body)
    said = asked.get("input") if isinstance(asked, dict) else None
    if not isinstance(said, list):
        return body
    return json.encode(asked | {"input": [_whole(item, items) for item in said]})


def _whole(item: Any, items: Mapping[str, Any]) -> Any:
    if not isinstance(item, dict) or item.get("type") != REFERENCE:
        return item
    name = item.get("id")
    return items.get(name, item) if isinstance(name, str) else item
