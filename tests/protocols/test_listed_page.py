"""A page of the models that we list, as Anthropic's and Google's callers ask for it."""

import json
from urllib.parse import parse_qsl

import pytest

from dragoman.errors import InvalidRequestError
from dragoman.protocols.anthropic.models import encode_models as anthropic
from dragoman.protocols.gemini.models import encode_models as gemini

NAMES = ("a", "b/c", "d", "e", "f")


@pytest.mark.parametrize(
    ("query", "names", "more"),
    [
        ("", NAMES, False),
        ("limit=5000", NAMES, False),
        ("limit=2", NAMES[:2], True),
        ("limit=2&after_id=b/c", NAMES[2:4], True),
        ("limit=2&after_id=e", NAMES[4:], False),
        ("after_id=f", (), False),
        ("after_id=&limit=", NAMES, False),
        ("limit=2&before_id=e", NAMES[1:3], True),
        ("limit=3&before_id=d", NAMES[:2], False),
    ],
)
def test_anthropic_s_callers_may_ask_for_a_page(query: str, names: tuple[str, ...], more: bool) -> None:
    said = json.loads(anthropic(NAMES, "", {}, dict(parse_qsl(query))).body)
    assert tuple(each["id"] for each in said["data"]) == names
    ends = (names[0], names[-1]) if names else (None, None)
    assert (said["has_more"], said["first_id"], said["last_id"]) == (more, *ends)


def test_google_s_callers_get_page_after_page() -> None:
    found: list[str] = []
    asked = {"pageSize": "2"}
    for _ in range(3):
        said = json.loads(gemini(NAMES, {}, asked).body)
        found += [each["name"].removeprefix("models/") for each in said["models"]]
        asked["pageToken"] = said.get("nextPageToken", "")
    assert (tuple(found), asked["pageToken"]) == (NAMES, "")


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=-1", "after_id=nobody", "before_id=nobody"])
def test_a_wrong_page_is_refused_by_its_field(query: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        anthropic(NAMES, "", {}, dict(parse_qsl(query)))
    assert caught.value.param == query.partition("=")[0]
