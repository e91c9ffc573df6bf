"""AIChatFree, both halves; the recorded exchanges are in test_transcripts."""

import json
from typing import Any

import pytest

from dragoman.errors import (
    AuthenticationError,
    ConnectError,
    DragomanError,
    InvalidRequestError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    TruncatedStreamError,
    UpstreamError,
)
from dragoman.protocols.losses import losses
from dragoman.protocols.webchat.aichatfree import AIChatFreeClient, AIChatFreeServer
from dragoman.protocols.webchat.signature import sign
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    HttpRequest,
    HttpResponse,
    Message,
    ResponseHead,
    ServerRequest,
    Text,
    ToolCall,
    Unknown,
    assistant,
    fold,
    names,
    system,
    unfold,
    user,
)
from tests.support.callers import as_call, as_reply
from tests.support.cuts import drive
from tests.support.env import NOW, fixed_env

CONVERSATION = (system("Отвечай кратко."), user("Раз"), assistant("Два 👋"), user("Три?"))
CLIENT = AIChatFreeClient(url="http://site/")


def ask(messages: tuple[Message, ...] = CONVERSATION, **fields: Any) -> ChatRequest:
    return ChatRequest(model="", messages=messages, **fields)


def sent(client: AIChatFreeClient, request: ChatRequest, key: str | None = None) -> tuple[HttpRequest, dict[str, Any]]:
    message = client.encode_request(request, fixed_env(key))
    assert isinstance(message, HttpRequest)
    return message, json.loads(message.body)


def call(fields: dict[str, Any]) -> ServerRequest:
    return ServerRequest(method="POST", path="/api/generate", body=json.dumps(fields).encode())


def test_the_request_is_as_the_sites_own_page_sends_it() -> None:
    message, body = sent(CLIENT, ask())
    assert (message.method, message.url, message.mark_chunks) == ("POST", "http://site/api/generate", True)
    headers = dict(message.headers)
    assert "Firefox" in headers["user-agent"]
    assert headers["accept-language"]
    assert (headers["accept"], headers["content-type"]) == ("*/*", "text/plain;charset=UTF-8")
    assert (headers["referer"], headers["origin"]) == ("http://site/", "http://site")
    assert list(body) == ["messages", "time", "pass", "sign"]
    assert body["messages"] == [
        {"role": "user", "parts": [{"text": "Отвечай кратко."}]},
        {"role": "user", "parts": [{"text": "Раз"}]},
        {"role": "model", "parts": [{"text": "Два 👋"}]},
        {"role": "user", "parts": [{"text": "Три?"}]},
    ]
    time = int(NOW * 1000)
    assert (body["time"], body["pass"], body["sign"]) == (time, None, sign(time, "Три?", ""))


def test_settings_and_extra_fields_are_sent() -> None:
    client = AIChatFreeClient(url="http://site", secret="s", password="p")
    _, body = sent(client, ask(extra={"aichatfree": {"key": "k", "sign": "forged"}}), key="not this")
    assert (body["pass"], body["key"], body["sign"]) == ("p", "k", sign(body["time"], "Три?", "s"))
    assert sent(CLIENT, ask(), key="k")[1]["pass"] == "k"


@pytest.mark.parametrize(
    "messages", [(), (user("a"), assistant("b")), (Message("user", (ToolCall(id="1", name="f"),)),)]
)
def test_a_conversation_that_does_not_end_with_words_to_the_model_is_refused(messages: tuple[Message, ...]) -> None:
    with pytest.raises(InvalidRequestError):
        sent(CLIENT, ask(messages))


def test_neighbours_of_one_role_stay_entries_of_their_own() -> None:
    messages = (system("a"), user("b"), user("c"), assistant("d"), assistant("e"), system("f"), user("g"), system("h"))
    _, body = sent(CLIENT, ask(messages))
    roles = ["user", "user", "user", "model", "model", "user", "user", "user"]
    assert [(entry["role"], entry["parts"][0]["text"]) for entry in body["messages"]] == [
        (role, message.text) for role, message in zip(roles, messages, strict=True)
    ]
    assert body["sign"] == sign(body["time"], "h", "")
    assert len(AIChatFreeServer().decode_request(call(body)).messages) == len(messages)


def test_what_it_cannot_say_is_listed() -> None:
    assert names(losses(ask(temperature=1.0, seed=1), CLIENT.expresses, CLIENT.name)) == ("temperature", "seed")


@pytest.mark.parametrize(
    "messages",
    [
        (user("a"),),
        (user(""),),
        (Message("user", ()),),
        (user("a"), assistant("b"), Message("user", (Text(text="c"), Text(text="d\ud83d")))),
    ],
)
def test_our_server_takes_what_our_client_sends(messages: tuple[Message, ...]) -> None:
    client = AIChatFreeClient(url="http://site", secret="s3cret", password="second")
    server = AIChatFreeServer(secret="s3cret", password="first,second", model="fast")
    request = ask(messages, extra={"aichatfree": {"key": 1}})
    asked = server.decode_request(as_call(sent(client, request)[0]))
    expected = [(message.role, message.text.replace("\ud83d", "�")) for message in messages]
    assert [(message.role, message.text) for message in asked.messages] == expected
    assert (asked.model, asked.extra) == ("fast", {"aichatfree": {"key": 1}})


def test_unknown_parts_and_fields_are_kept() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
    parts = [{"text": "what?", "thought": False}, picture]
    fields = {"messages": [{"role": "user", "parts": parts, "weight": 0}], "time": 1, "sign": sign(1, "what?", "")}
    message = AIChatFreeServer().decode_request(call(fields)).messages[0]
    kept = Text(text="what?", extra={"aichatfree": {"thought": False}})
    assert message.parts == (kept, Unknown(protocol="aichatfree", data=picture))
    _, body = sent(CLIENT, ask((message,)))
    assert body["messages"][0] == {"weight": 0, "role": "user", "parts": [{"text": "what?", "thought": False}]}


@pytest.mark.parametrize(
    ("messages", "status"),
    [
        (None, 400),
        ([], 400),
        ("", 400),
        (0, 400),
        ("abc", 400),
        ([[]], 400),
        ([5], 400),
        ([{"role": "model"}], 400),
        ([{"role": "user"}, {"role": "system"}], 400),
        (5, 500),
        (True, 500),
        ({}, 500),
        ({"a": 1}, 500),
        ([None], 500),
        ([{"role": "user"}], 500),
        ([{"role": "user", "parts": "x"}], 500),
        ([{"role": "user", "parts": [None]}], 500),
    ],
)
def test_histories_are_refused_as_the_sites_program_refuses_or_breaks(messages: object, status: int) -> None:
    server = AIChatFreeServer()
    with pytest.raises(DragomanError) as caught:
        server.decode_request(call({"messages": messages}))
    answer = server.encode_error(caught.value)
    assert answer.status == status
    assert (answer.body == b"") == (status == 500)


@pytest.mark.parametrize("body", [b"", b"{", b"null"])
def test_a_body_that_is_not_json_is_a_bare_500(body: bytes) -> None:
    server = AIChatFreeServer()
    with pytest.raises(DragomanError) as caught:
        server.decode_request(ServerRequest(method="POST", path="/", body=body))
    answer = server.encode_error(caught.value)
    assert (answer.status, answer.headers, answer.body) == (500, (), b"")


def test_the_password_is_checked_before_the_signature_and_before_the_parts() -> None:
    fields = {"messages": [{"role": "user"}], "pass": "wrong"}
    with pytest.raises(AuthenticationError, match=r"Invalid password\."):
        AIChatFreeServer(password="p").decode_request(call(fields))


def test_an_earlier_message_that_is_no_object_breaks_the_sites_program() -> None:
    fields = {"messages": [5, {"role": "user", "parts": []}], "time": 1, "sign": sign(1, "", "")}
    with pytest.raises(InvalidRequestError) as caught:
        AIChatFreeServer().decode_request(call(fields))
    assert caught.value.status == 500


def failure(status: int, message: str) -> HttpResponse:
    return HttpResponse(ResponseHead(status, ()), json.dumps({"error": {"code": "Error", "message": message}}).encode())


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (failure(500, "Quota exceeded for quota metric"), RateLimitError),
        (HttpResponse(ResponseHead(500, ((b"retry-after", b"9"),)), b"Quota exceeded"), RateLimitError),
        (
            HttpResponse(ResponseHead(500, ()), b'{"error": {"message": "no", "details": "Quota exceeded"}}'),
            RateLimitError,
        ),
        (HttpResponse(ResponseHead(500, ()), b"<html>Quota exceeded</html>"), RateLimitError),
        (failure(500, "Error fetching from  [400 Bad Request] no"), InvalidRequestError),
        (failure(500, "Error fetching from  [403 Forbidden] no"), PermissionDeniedError),
        (failure(500, "Error fetching from  [503 Service Unavailable] no"), OverloadedError),
        (failure(500, "Error fetching from  [500 Internal Server Error] no"), UpstreamError),
        (failure(500, "API key not valid. [API_KEY_INVALID]"), AuthenticationError),
        (failure(500, "fetch failed"), UpstreamError),
        (failure(401, "Invalid password."), AuthenticationError),
        (failure(400, "Quota exceeded"), InvalidRequestError),
        (HttpResponse(ResponseHead(500, ()), b""), UpstreamError),
    ],
)
def test_the_upstreams_status_is_found_inside_the_message(reply: HttpResponse, kind: type[DragomanError]) -> None:
    error = CLIENT.decode_error(reply)
    assert type(error) is kind
    if isinstance(error, RateLimitError):
        assert error.retry_after == (9 if reply.head.headers else None)
        assert "<html>" not in error.message


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (InvalidRequestError("bad"), 400, InvalidRequestError),
        (InvalidRequestError("bad", provider="up"), 500, InvalidRequestError),
        (RateLimitError("slow", retry_after=2), 500, RateLimitError),
        (OverloadedError("full", status=529), 500, OverloadedError),
        (UpstreamError("[403 Forbidden] no", provider="up"), 500, PermissionDeniedError),
        (ConnectError("refused"), 500, UpstreamError),
    ],
)
def test_our_client_reads_the_errors_of_our_server(
    error: DragomanError, status: int, kind: type[DragomanError]
) -> None:
    answer = AIChatFreeServer().encode_error(error)
    read = CLIENT.decode_error(as_reply(answer))
    assert (answer.status, type(read)) == (status, kind)
    assert error.message in read.message


def test_our_client_reads_the_answers_of_our_server() -> None:
    server = AIChatFreeServer()
    response = ChatResponse(parts=assistant("Привет 👋").parts)
    encoder = server.encoder(ask(), fixed_env())
    whole = server.encode_response(response, ask(), fixed_env())
    assert dict(encoder.headers) == dict(whole.headers) == {"content-type": "text/plain; charset=utf-8"}
    for body in ([encoder.send(unfold(response))], [whole.body]):
        events, error = drive(CLIENT.decoder(ask()), body)
        assert error is None
        assert fold(events) == response


def test_our_client_notices_where_our_server_broke_off() -> None:
    encoder = AIChatFreeServer().encoder(ask(), fixed_env())
    data = encoder.send(unfold(ChatResponse(parts=assistant("half").parts))[:-2])
    _, error = drive(CLIENT.decoder(ask()), [data, b"", encoder.fail(TruncatedStreamError("cut")), b""])
    assert error is not None
    assert error[0] is TruncatedStreamError


def test_auth_is_that_of_the_gate() -> None:
    request = ServerRequest(method="POST", path="/api/auth", body=b'{"pass":"x"}')
    assert AIChatFreeServer(password="p").auth(request).body == b'{"code":-1}'
