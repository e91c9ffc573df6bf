"""What a caller had sent, listed: each item with an id, a page at a time, and nothing of the request is changed."""

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from dragoman.errors import InvalidRequestError
from dragoman.protocols.openai_responses import input_items, item_page
from dragoman.protocols.openai_responses.request import decode_body

FIVE = [{"id": f"item_{number}"} for number in range(5)]
NAMES = [item["id"] for item in FIVE]
BACK = NAMES[::-1]


@pytest.mark.parametrize(
    ("query", "names", "more"),
    [
        ("", BACK, False),
        ("order=asc", NAMES, False),
        ("limit=2", BACK[:2], True),
        ("limit=2&after=item_3", BACK[2:4], True),
        ("limit=2&after=item_1", BACK[4:], False),
        ("order=asc&limit=5", NAMES, False),
        ("order=asc&limit=4&after=item_0", NAMES[1:], False),
        ("after=item_0", [], False),
        ("key=x&include%5B%5D=y", BACK, False),
    ],
)
def test_a_page_is_what_was_asked_for(query: str, names: list[str], more: bool) -> None:
    page = item_page(FIVE, dict(parse_qsl(query)))
    assert [item["id"] for item in page["data"]] == names
    assert page["has_more"] is more
    assert (page["first_id"], page["last_id"]) == ((names[0], names[-1]) if names else (None, None))


def test_a_page_has_twenty_items_unless_it_is_said() -> None:
    many = [{"id": str(number)} for number in range(21)]
    assert len(item_page(many, {})["data"]) == 20
    assert item_page([], {})["data"] == []


@pytest.mark.parametrize(
    ("query", "param"),
    [
        *((f"limit={said}", "limit") for said in ("0", "101", "x", "-1", "", "1.0", "%C2%B2", "9" * 5000)),
        ("order=up", "order"),
        ("after=item_9", "after"),
        ("after=", "after"),
        ("before=item_1", "before"),
    ],
)
def test_what_cannot_be_a_page_is_refused(query: str, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        item_page(FIVE, dict(parse_qsl(query, keep_blank_values=True)))
    assert caught.value.param == param


def listed(*items: dict[str, Any]) -> list[dict[str, Any]]:
    request = decode_body({"model": "m", "input": list(items)})
    before = repr(request)
    found: list[dict[str, Any]] = json.loads(json.dumps(input_items(request, "resp_1")))
    assert repr(request) == before, "the request that goes to a service was changed"
    return found


@pytest.mark.parametrize(
    "item",
    [
        {"type": "shell_call_output", "call_id": "s1", "output": [{"stdout": "a", "stderr": ""}]},
        {"type": "apply_patch_call_output", "call_id": "a1", "status": "completed"},
        {"type": "mcp_approval_response", "approval_request_id": "m", "approve": True},
        {"type": "apply_patch_call", "call_id": "a1", "operation": {"type": "delete_file", "path": "a"}},
        {"type": "web_search_call", "status": "completed"},
        {"type": "x_new", "content": "a text"},
    ],
)
def test_an_item_of_this_protocol_alone_is_listed_as_it_came_with_an_id(item: dict[str, Any]) -> None:
    assert listed(item) == [item | {"id": "item_1_0"}]


def test_a_message_is_listed_in_its_long_form() -> None:
    image = {"type": "input_image", "image_url": "https://a/b.png", "detail": "auto"}
    first, second = listed({"role": "user", "content": [image]}, {"role": "assistant", "content": "x"})
    assert first == {"type": "message", "role": "user", "content": [image], "id": "item_1_0"}
    assert second["content"] == [{"type": "output_text", "text": "x"}]


def test_the_same_item_twice_has_two_ids() -> None:
    again = {"type": "message", "id": "msg_1", "role": "user", "content": "x"}
    assert [item["id"] for item in listed(again, again)] == ["msg_1", "item_1_1"]
