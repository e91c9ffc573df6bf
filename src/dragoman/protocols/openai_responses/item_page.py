"""The list of what a caller had sent, a page at a time. Knows no store.

The newest items come first, and 20 of them, unless the query says otherwise:
https://platform.openai.com/docs/api-reference/responses/input-items
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dragoman.error_words import cut
from dragoman.errors import InvalidRequestError
from dragoman.protocols.json_fields import refused

ORDERS = {"asc": 1, "desc": -1}
"""The words for an order, and the step through the items, which are kept oldest first."""
USUAL_ORDER = "desc"
USUAL, MOST = 20, 100
"""Items of a page: OpenAI's numbers."""
LONGEST = 80
"""Characters of a value that an error repeats."""


def item_page(items: Sequence[dict[str, Any]], asked: Mapping[str, str]) -> dict[str, Any]:
    """The page of `items` that the fields of a query ask for. Raises InvalidRequestError."""
    order, after = asked.get("order", USUAL_ORDER), asked.get("after")
    if order not in ORDERS:
        raise refused("order", f"expected one of {', '.join(ORDERS)}, got {cut(order, LONGEST)!r}")
    if "before" in asked:
        raise refused("before", "expected `after`: pages are given in one direction")
    limit = _limit(asked.get("limit"))
    found = items[:: ORDERS[order]]
    start = 0 if after is None else _place(found, after) + 1
    page = found[start : start + limit]
    first, last = (page[0]["id"], page[-1]["id"]) if page else (None, None)
    more = start + limit < len(found)
    return {"object": "list", "data": page, "first_id": first, "last_id": last, "has_more": more}


def _limit(said: str | None) -> int:
    if said is None:
        return USUAL
    if said.isascii() and said.isdigit() and len(said) <= len(str(MOST)) and 1 <= int(said) <= MOST:
        return int(said)
    raise refused("limit", f"expected an integer from 1 to {MOST}, got {cut(said, LONGEST)!r}")


def _place(items: Sequence[dict[str, Any]], name: str) -> int:
    for number, item in enumerate(items):
        if item["id"] == name:
            return number
    raise InvalidRequestError(f"after: there is no item {cut(name, LONGEST)!r} in this list", param="after")
