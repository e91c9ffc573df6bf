"""Passwords and signatures at the gate of a chat site; the order of the checks is in the transcripts."""

import pytest

from dragoman.errors import (
    AuthenticationError,
    DragomanError,
    InvalidRequestError,
    ModelNotFoundError,
    RateLimitError,
)
from dragoman.protocols.webchat.signature import sign
from dragoman.protocols.webchat.site_auth import SiteAuth, is_own, parse, refusal, retry_after_header, site_crash
from dragoman.types import ServerRequest


def call(body: bytes) -> ServerRequest:
    return ServerRequest(method="POST", path="/api/auth", body=body)


@pytest.mark.parametrize("password", [None, ""])
@pytest.mark.parametrize("word", [None, "", "anything", 5])
def test_without_a_password_anything_opens(password: str | None, word: object) -> None:
    assert SiteAuth(password=password).opens(word)


@pytest.mark.parametrize(
    ("word", "opens"),
    [
        ("hunter2", True),
        ("second", True),
        ("hunter2,second", True),
        ("", False),
        ("hunter2,", False),
        ("hunter", False),
        (" hunter2", False),
        ("HUNTER2", False),
        ("\ud83d", False),
        (None, False),
        (["hunter2"], False),
        (True, False),
    ],
)
def test_a_password_or_one_of_its_entries_opens_exactly(word: object, opens: bool) -> None:
    assert SiteAuth(password="hunter2,second").opens(word) is opens


def test_an_empty_entry_is_no_password() -> None:
    assert not SiteAuth(password="hunter2,,").opens("")


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b'{"pass":"a"}', b'{"code":0}'),
        (b'{"pass":"x"}', b'{"code":-1}'),
        (b"{}", b'{"code":-1}'),
        (b"[]", b'{"code":-1}'),
    ],
)
def test_auth_always_answers_200(body: bytes, answer: bytes) -> None:
    ours = SiteAuth(password="a,b").auth(call(body))
    assert (ours.status, ours.body, dict(ours.headers)["content-type"]) == (200, answer, "text/plain;charset=UTF-8")


@pytest.mark.parametrize("body", [b"", b"{", b"null"])
def test_auth_breaks_as_the_sites_do_where_there_is_no_json(body: bytes) -> None:
    ours = SiteAuth().auth(call(body))
    assert (ours.status, ours.body, ours.headers) == (500, b"", ())


@pytest.mark.parametrize(
    ("fields", "time"),
    [
        ({"time": 5.0}, "5"),
        ({"time": 1e21}, "1e+21"),
        ({"time": True}, "true"),
        ({"time": None}, "null"),
        ({"time": "x"}, "x"),
        ({}, "undefined"),
    ],
)
def test_time_is_signed_as_javascript_prints_it(fields: dict[str, object], time: str) -> None:
    gate = SiteAuth("s3cret")
    gate.check_signature(fields | {"sign": sign(time, "text", "s3cret")}, "text")
    for wrong in (sign(time, "text", ""), sign(time, "text", "s3cret").upper(), "", None, 5, "\ud83d"):
        with pytest.raises(AuthenticationError):
            gate.check_signature(fields | {"sign": wrong}, "text")


def test_a_no_of_its_own_is_told_from_an_upstreams() -> None:
    assert is_own(AuthenticationError("Invalid password.", code="invalid_password"))
    assert is_own(ModelNotFoundError("no such model"))
    assert not is_own(ModelNotFoundError("no such model", provider="up"))
    assert not is_own(AuthenticationError("wrong key", provider="up"))
    assert not is_own(DragomanError("?"))


def test_refusals_are_bare_or_a_message() -> None:
    assert (refusal(site_crash("why")).status, refusal(site_crash("why")).body) == (500, b"")
    said = refusal(InvalidRequestError("too large", status=413))
    assert (said.status, said.body) == (413, b'{"error":{"message":"too large"}}')


def test_values_without_fields_have_none() -> None:
    assert parse(call(b"5")) == {}


@pytest.mark.parametrize(("seconds", "headers"), [(1.2, (("retry-after", "2"),)), (None, ())])
def test_when_to_come_again_is_said_where_known(seconds: float | None, headers: object) -> None:
    assert retry_after_header(RateLimitError("slow", retry_after=seconds)) == headers
