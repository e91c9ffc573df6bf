"""Aibn, both halves; the recorded exchanges are in test_transcripts."""

import json
from typing import Any

import pytest

from dragoman.errors import (
    AuthenticationError,
    ConnectError,
    DragomanError,
    InvalidRequestError,
    ModelNotFoundError,
    RateLimitError,
    TruncatedStreamError,
    UpstreamError,
)
from dragoman.protocols.losses import losses
from dragoman.protocols.webchat.aibn import AibnClient, AibnServer
from dragoman.protocols.webchat.signature import sign
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    HttpRequest,
    HttpResponse,
    Image,
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


def ask(messages: tuple[Message, ...] = CONVERSATION, **fields: Any) -> ChatRequest:
    return ChatRequest(model="", messages=messages, **fields)


def sent(client: AibnClient, request: ChatRequest, key: str | None = None) -> tuple[HttpRequest, dict[str, Any]]:
    message = client.encode_request(request, fixed_env(key))
    assert isinstance(message, HttpRequest)
    return message, json.loads(message.body)


def signed(fields: dict[str, Any], *, text: str, time: object = 5) -> ServerRequest:
    body = {"time": time, "sign": sign(time, text, "")} | fields
    return ServerRequest(method="POST", path="/api/generate", body=json.dumps(body).encode())


def test_the_request_is_as_recorded() -> None:
    message, body = sent(AibnClient(url="http://site/"), ask())
    assert (message.method, message.url, message.mark_chunks) == ("POST", "http://site/api/generate", True)
    assert message.headers == (("content-type", "application/json"),)
    assert list(body) == ["messages", "time", "pass", "sign"]
    assert body["messages"][0] == {"role": "system", "content": "Отвечай кратко."}
    assert [item["role"] for item in body["messages"]] == ["system", "user", "assistant", "user"]
    assert (body["time"], body["pass"]) == (int(NOW), None)
    assert body["sign"] == sign(int(NOW), "Три?", "undefined")


def test_settings_and_options_are_sent() -> None:
    client = AibnClient(url="http://site", secret="s", password="p", milliseconds=True)
    _, body = sent(client, ask(temperature=0.6, extra={"aibn": {"key": "k", "sign": "forged"}}), key="not this")
    assert (body["time"], body["pass"], body["temperature"], body["key"]) == (int(NOW * 1000), "p", 0.6, "k")
    assert body["sign"] == sign(body["time"], "Три?", "s")


def test_the_calls_credential_is_the_password_where_none_is_set() -> None:
    assert sent(AibnClient(url="http://site"), ask(), key="k")[1]["pass"] == "k"


def test_lone_surrogates_are_signed_as_they_are_sent() -> None:
    message, body = sent(AibnClient(url="http://site", secret=""), ask((user("a\ud83db"),)))
    assert body["messages"][0]["content"] == "a�b"
    assert AibnServer().decode_request(as_call(message)).messages == (user("a�b"),)


def test_what_it_cannot_say_is_listed_and_left_out() -> None:
    request = ask((Message("user", (Image(url="https://x"),)), user("hi")), temperature=1.0, top_p=0.5)
    assert names(losses(request, AibnClient.expresses, AibnClient.name)) == ("top_p", "messages[0].parts[0] (image)")
    assert sent(AibnClient(url="http://site"), request)[1]["messages"] == [{"role": "user", "content": "hi"}]
    with pytest.raises(InvalidRequestError):
        sent(AibnClient(url="http://site"), ask(request.messages[:1]))


@pytest.mark.parametrize(
    "messages", [CONVERSATION, (user("  \n x:y \t"),), (user(""),), (), (Message("user", (), "Bob"),)]
)
def test_our_server_takes_what_our_client_sends(messages: tuple[Message, ...]) -> None:
    client = AibnClient(url="http://site", secret="s3cret", password="second")
    request = ask(messages, temperature=0.5, extra={"aibn": {"key": 1}})
    server = AibnServer(secret="s3cret", password="first,second", model="fast")
    asked = server.decode_request(as_call(sent(client, request)[0]))
    assert [(m.role, m.text, m.name) for m in asked.messages] == [(m.role, m.text, m.name) for m in messages]
    assert (asked.model, asked.temperature, asked.extra) == ("fast", 0.5, {"aibn": {"key": 1}})


def test_a_developer_is_the_system() -> None:
    _, body = sent(AibnClient(url="http://site"), ask((Message("developer", (Text(text="be brief"),)), user("hi"))))
    assert [message["role"] for message in body["messages"]] == ["system", "user"]


def test_wrong_secret_is_refused() -> None:
    call = as_call(sent(AibnClient(url="http://site"), ask())[0])
    with pytest.raises(AuthenticationError, match=r"Invalid signature\."):
        AibnServer().decode_request(call)


def test_unknown_fields_and_parts_are_kept() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://x"}}
    content = [{"type": "text", "text": "what?", "cache": 1}, picture]
    messages = [{"role": "developer", "content": content, "weight": 0}, {"role": "user", "content": None, "name": 5}]
    asked = AibnServer().decode_request(signed({"messages": messages, "temperature": "hot"}, text=""))
    assert asked.messages == (
        Message(
            "system",
            (Text(text="what?", extra={"aibn": {"cache": 1}}), Unknown(protocol="aibn", data=picture)),
            extra={"aibn": {"weight": 0}},
        ),
        Message("user", (), extra={"aibn": {"name": 5}}),
    )
    assert (asked.temperature, asked.extra) == (None, {"aibn": {"temperature": "hot"}})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (5, "messages[1]: expected an object, got an integer"),
        ({"role": "wizard", "content": "x"}, "messages[1].role: expected one of system, developer, user, assistant"),
        ({"role": "user", "content": True}, "messages[1].content: expected text or a list of parts, got a boolean"),
    ],
)
def test_what_is_wrong_with_a_message_has_its_path(change: object, words: str) -> None:
    messages = [{"role": "user", "content": "a"}, change, {"role": "user", "content": "x"}]
    with pytest.raises(InvalidRequestError) as caught:
        AibnServer().decode_request(signed({"messages": messages}, text="x"))
    assert (str(caught.value), caught.value.param) == (words, words.partition(":")[0])


def test_content_that_is_no_text_is_signed_as_javascript_prints_it() -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]
    asked = AibnServer().decode_request(signed({"messages": messages}, text="[object Object],[object Object]"))
    assert asked.messages[0].text == "ab"


@pytest.mark.parametrize("temperature", ["true", "null", '"hot"', "[1]"])
def test_a_temperature_that_is_no_number_goes_on_as_it_came(temperature: str) -> None:
    call = signed({"messages": [{"role": "user", "content": "x"}]}, text="x")
    body = call.body[:-1] + f', "temperature": {temperature}}}'.encode()
    asked = AibnServer().decode_request(ServerRequest(method="POST", path="/", body=body))
    assert asked.temperature is None
    assert "temperature" in asked.extra["aibn"]


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        (b"", 500, b""),
        (b"\xff", 500, b""),
        (b"null", 500, b""),
        (b"5", 400, b'{"error":{"message":"No input text."}}'),
        (b'{"messages":null}', 400, b'{"error":{"message":"No input text."}}'),
        (b'{"messages":""}', 400, b'{"error":{"message":"No input text."}}'),
        (b'{"messages":[]}', 401, b'{"error":{"message":"Invalid signature."}}'),
        (b'{"messages":{}}', 401, b'{"error":{"message":"Invalid signature."}}'),
    ],
)
def test_bad_bodies_are_refused_as_recorded(body: bytes, status: int, answer: bytes) -> None:
    server = AibnServer()
    with pytest.raises(DragomanError) as caught:
        server.decode_request(ServerRequest(method="POST", path="/", body=body))
    ours = server.encode_error(caught.value)
    assert (ours.status, ours.body) == (status, answer)


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ({}, ""),
        ("abc", ""),
        ([5], ""),
        ([None], ""),
        ([{"role": "pope", "content": "x"}], "x"),
        ([{"content": "x"}], "x"),
        ([{"role": "user", "content": 7}], "7"),
        ([{"role": "user", "content": {}}], "[object Object]"),
    ],
)
def test_messages_of_wrong_types_pass_the_checks_and_are_then_refused(messages: object, text: str) -> None:
    server = AibnServer()
    with pytest.raises(InvalidRequestError) as caught:
        server.decode_request(signed({"messages": messages}, text=text))
    assert server.encode_error(caught.value).status == 400


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (RateLimitError("slow", retry_after=3, provider="up"), 429, RateLimitError),
        (AuthenticationError("bad key", provider="up"), 401, AuthenticationError),
        (ModelNotFoundError("no model", provider="up"), 404, ModelNotFoundError),
        (InvalidRequestError("too long"), 400, InvalidRequestError),
        (UpstreamError("broken", status=500), 500, UpstreamError),
        (ConnectError("refused", provider="up"), 500, UpstreamError),
        (DragomanError("?"), 500, UpstreamError),
    ],
)
def test_our_client_reads_the_errors_of_our_server(
    error: DragomanError, status: int, kind: type[DragomanError]
) -> None:
    answer = AibnServer().encode_error(error)
    read = AibnClient(url="http://site").decode_error(as_reply(answer))
    assert (answer.status, type(read), read.message) == (status, kind, error.message)
    assert dict(answer.headers).get("retry-after") == ("3" if kind is RateLimitError else None)


def test_an_upstream_that_cannot_be_reached_is_a_500_with_a_name() -> None:
    answer = AibnServer().encode_error(ConnectError("fetch failed"))
    assert answer.body == b'{"error":{"code":"ConnectError","message":"fetch failed"}}'


def test_our_client_reads_the_answers_of_our_server() -> None:
    client, server = AibnClient(url="http://site"), AibnServer()
    response = ChatResponse(parts=assistant("Привет 👋").parts)
    encoder = server.encoder(ask(), fixed_env())
    assert encoder.headers == ()
    pieces = [piece for event in unfold(response) for piece in (encoder.send([event]), b"")]
    whole = server.encode_response(response, ask(), fixed_env())
    assert (whole.status, whole.headers) == (200, ())
    for body in (pieces, [whole.body]):
        events, error = drive(client.decoder(ask()), body)
        assert error is None
        assert fold(events) == response


def test_our_client_notices_where_our_server_broke_off() -> None:
    encoder = AibnServer().encoder(ask(), fixed_env())
    data = encoder.send(unfold(ChatResponse(parts=assistant("half").parts))[:-2])
    pieces = [data, b"", encoder.fail(TruncatedStreamError("cut")), b""]
    _, error = drive(AibnClient(url="http://site").decoder(ask()), pieces)
    assert error is not None
    assert error[0] is TruncatedStreamError


def test_an_answer_that_asks_for_a_tool_is_no_answer() -> None:
    response = ChatResponse(parts=(ToolCall(id="1", name="f", arguments="{}"),), finish_reason="tool_call")
    with pytest.raises(DragomanError):
        AibnServer().encode_response(response, ask(), fixed_env())


def test_json_is_never_an_answer() -> None:
    client = AibnClient(url="http://site")
    assert {"application/json", "text/html"} <= client.error_types
    error = client.decode_error(
        HttpResponse(ResponseHead(200, ((b"content-type", b"application/json"),)), b'{"error":"no"}')
    )
    assert type(error) is UpstreamError


def test_auth_is_that_of_the_gate() -> None:
    call = ServerRequest(method="POST", path="/api/auth", body=b'{"pass":"p"}')
    assert AibnServer(password="p").auth(call).body == b'{"code":0}'
