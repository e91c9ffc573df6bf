"""Cromicle, both halves."""

import json
from hashlib import sha256
from typing import Any

import pytest

from dragoman.errors import AuthenticationError, DragomanError, InvalidRequestError, TruncatedStreamError
from dragoman.protocols.webchat.cromicle import CromicleClient, CromicleServer, digest
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    HttpRequest,
    Message,
    ServerRequest,
    assistant,
    fold,
    system,
    unfold,
    user,
)
from tests.support.callers import as_call, as_reply
from tests.support.cuts import assert_same_at_every_cut, drive
from tests.support.env import fixed_env

CLIENT = CromicleClient(url="http://site/")


def ask(*messages: Message, **fields: Any) -> ChatRequest:
    return ChatRequest(model="", messages=messages or (user("Привет"),), **fields)


def sent(request: ChatRequest) -> HttpRequest:
    message = CLIENT.encode_request(request, fixed_env())
    assert isinstance(message, HttpRequest)
    return message


def test_the_request_holds_the_conversation_and_its_hash() -> None:
    message = sent(ask(system("Be brief."), user("Hi"), extra={"cromicle": {"hash": "forged", "lang": "ru"}}))
    assert (message.method, message.url, message.mark_chunks) == ("POST", "http://site/chat", False)
    assert message.headers == (("accept", "*/*"), ("content-type", "application/json"))
    text = "System: Be brief.\nUser: Hi\nAssistant:"
    hashed = sha256(b"abc" + text.encode()).hexdigest()
    assert json.loads(message.body) == {"message": text, "token": "abc", "hash": hashed, "lang": "ru"}


@pytest.mark.parametrize("text", ["Привет", "", "a\ud83db", " \n"])
def test_our_server_takes_what_our_client_sends(text: str) -> None:
    asked = CromicleServer(model="fast").decode_request(as_call(sent(ask(user(text)))))
    assert (asked.model, asked.messages, asked.extra) == ("fast", (user(text.replace("\ud83d", "�")),), {})


def test_unknown_fields_are_kept() -> None:
    request = ask(extra={"cromicle": {"lang": "ru"}})
    assert CromicleServer().decode_request(as_call(sent(request))) == request


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", InvalidRequestError),
        (b"[" * 100_000, InvalidRequestError),
        (b"[]", InvalidRequestError),
        (b'{"message":5}', InvalidRequestError),
        (b'{"message":"x"}', AuthenticationError),
        (b'{"message":"x","token":"abc","hash":"\xd1\x8f"}', AuthenticationError),
        (b'{"message":"x","token":"abc","hash":"' + digest("y").encode() + b'"}', AuthenticationError),
    ],
)
def test_bad_requests_are_refused(body: bytes, kind: type[DragomanError]) -> None:
    server = CromicleServer()
    with pytest.raises(kind) as caught:
        server.decode_request(ServerRequest(method="POST", path="/chat", body=body))
    answer = server.encode_error(caught.value)
    assert answer.status == caught.value.status
    read = CLIENT.decode_error(as_reply(answer))
    assert (type(read), read.message) == (kind, caught.value.message)


def test_our_client_reads_the_answers_of_our_server() -> None:
    server = CromicleServer()
    response = ChatResponse(parts=assistant("Привет 👋").parts)
    encoder = server.encoder(ask(), fixed_env())
    for body in (encoder.send(unfold(response)), server.encode_response(response, ask(), fixed_env()).body):
        events, error = assert_same_at_every_cut(lambda: CLIENT.decoder(ask()), body)
        assert error is None
        assert fold(events) == response


def test_it_has_no_words_for_a_failure() -> None:
    encoder = CromicleServer().encoder(ask(), fixed_env())
    assert encoder.fail(TruncatedStreamError("cut")) == b""


def test_words_that_are_a_mark_elsewhere_are_text_here() -> None:
    events, error = drive(CLIENT.decoder(ask()), [b"Internal server error"])
    assert (fold(events).text, error) == ("Internal server error", None)
