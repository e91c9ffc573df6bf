"""AiChatOnline, both halves."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import (
    AuthenticationError,
    BadEventError,
    ConnectError,
    DragomanError,
    InvalidRequestError,
    RateLimitError,
    TruncatedStreamError,
    UpstreamError,
)
from dragoman.protocols.webchat.aichatonline import AiChatOnlineClient, AiChatOnlineDecoder, AiChatOnlineServer
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    HttpRequest,
    HttpResponse,
    Image,
    Message,
    PartDelta,
    Reasoning,
    ResponseEnd,
    ResponseHead,
    ServerRequest,
    StreamEvent,
    assistant,
    fold,
    system,
    unfold,
    user,
)
from tests.support.callers import as_call, as_reply
from tests.support.cuts import assert_same_at_every_cut, bytewise, drive
from tests.support.env import fixed_env

CLIENT = AiChatOnlineClient(url="http://site/")


def ask(*messages: Message, **fields: Any) -> ChatRequest:
    return ChatRequest(model="", messages=messages or (user("Привет"),), **fields)


def words(events: list[StreamEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, PartDelta))


def exchange(request: ChatRequest, reply: HttpResponse) -> tuple[HttpRequest, HttpRequest]:
    """Both requests of the client half, the first being answered with `reply`."""
    steps = CLIENT.encode_request(request, fixed_env())
    assert not isinstance(steps, HttpRequest)
    first = next(steps)
    with pytest.raises(StopIteration) as stop:
        steps.send(reply)
    second: HttpRequest = stop.value.value
    return first, second


def token(body: bytes) -> HttpResponse:
    return HttpResponse(ResponseHead(200, ()), body)


def test_a_token_is_asked_for_and_then_the_question_with_it() -> None:
    first, second = exchange(ask(system("Be brief."), user("Hi")), token(b'{"code":200,"data":"t0ken"}'))
    assert (first.method, first.url) == ("GET", "http://site/api/v1/user/getUniqueId?canvas=-id0002")
    assert (second.method, second.url) == ("POST", "http://site/aichatonline/api/chat/gpt")
    headers = dict(second.headers)
    assert (headers["UniqueId"], headers["referer"]) == ("t0ken", "http://site/chatgpt/chat/")
    assert "Firefox" in headers["user-agent"]
    prompt = "System: Be brief.\nUser: Hi\nAssistant:"
    assert json.loads(second.body) == {"conversationId": "id0001", "prompt": prompt}


def test_a_field_of_the_caller_s_does_not_replace_what_is_asked() -> None:
    _, second = exchange(ask(user("a"), extra={"aichatonline": {"prompt": "else"}}), token(b'{"data":"t"}'))
    assert json.loads(second.body or b"")["prompt"] == "a"


def test_a_conversation_may_be_gone_on_with() -> None:
    request = ask(user("a\ud83d"), extra={"aichatonline": {"conversationId": "c", "lang": "ru"}})
    _, second = exchange(request, token(b'{"data":"t"}'))
    assert json.loads(second.body) == {"conversationId": "c", "prompt": "a�", "lang": "ru"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", BadEventError),
        (b"[]", BadEventError),
        (b"{}", BadEventError),
        (b'{"data":null}', BadEventError),
        (b'{"data":5}', BadEventError),
        (b'{"data":" "}', BadEventError),
        (b'{"data":"a\\r\\nx: y"}', BadEventError),
        (b'{"data":"\xd1\x8f"}', BadEventError),
        (b"<html>", BadEventError),
        (b'{"code":429,"msg":"too many","data":null}', RateLimitError),
        (b'{"error":"no"}', UpstreamError),
    ],
)
def test_a_reply_without_a_token_is_an_error(body: bytes, kind: type[DragomanError]) -> None:
    steps = CLIENT.encode_request(ask(), fixed_env())
    assert not isinstance(steps, HttpRequest)
    next(steps)
    with pytest.raises(kind):
        steps.send(token(body))


def test_a_conversation_without_words_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(InvalidRequestError):
        CLIENT.encode_request(ask(Message("user", (Image(url="https://x"),))), fixed_env())


LINES = (
    '{"data":{"message":"Привет"}}\n'
    "\n"
    ": heartbeat\r\n"
    '{"data":{"message":""}}\n'
    '{"data":null}\n'
    '{"code":200,"msg":"success","data":null}\n'
    '{"code":0,"message":"ok","data":{"message":""}}\n'
    '{"data":{"message":5}}\n'
    '{"data":"token"}\n'
    "[1]\n"
    '{"half\n'
    '{"code":0,"msg":"ok","data":{"message":", мир 👋 "}}\r\n'
    '{"code":200,"msg":"ok","data":{"message":"\u2028"}}\n'
    '{"data":{"message":"x\\ud83dy"}}\n'
).encode()
TEXT = "Привет, мир 👋 \u2028x�y"


@pytest.mark.parametrize("body", [LINES, LINES[:-1], b"\xef\xbb\xbf" + LINES, LINES + b"done"])
def test_the_text_of_every_line_arrives_at_every_cut(body: bytes) -> None:
    events, error = assert_same_at_every_cut(AiChatOnlineDecoder, body)
    assert error is None
    assert fold(events) == ChatResponse(parts=assistant(TEXT).parts)


@pytest.mark.parametrize("body", [b"", b"\n", b"ping\n", b"{}\n"])
def test_an_answer_may_be_empty(body: bytes) -> None:
    events, error = assert_same_at_every_cut(AiChatOnlineDecoder, body)
    assert (fold(events), error) == (ChatResponse(), None)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ('{"error":{"message":"no"}}', UpstreamError),
        ('{"error":"no","data":{"message":"text"}}', UpstreamError),
        ('{"code":429,"msg":"too many"}', RateLimitError),
        ('{"code":500,"message":"no","data":{"message":"text"}}', UpstreamError),
        ('{"data":{"message":"cut', TruncatedStreamError),
        ('  {"', TruncatedStreamError),
    ],
)
def test_error_lines_and_half_lines_are_errors_after_the_text(line: str, kind: type[DragomanError]) -> None:
    body = b'{"data":{"message":"Hi"}}\n' + line.encode()
    events, error = assert_same_at_every_cut(AiChatOnlineDecoder, body)
    assert words(events) == "Hi"
    assert error is not None
    assert error[0] is kind
    assert ResponseEnd("stop") not in events


def test_a_page_is_no_empty_answer() -> None:
    events, error = assert_same_at_every_cut(AiChatOnlineDecoder, b"\n<!DOCTYPE html>\n<p>x</p>\n")
    assert (events, error and error[0]) == ([], BadEventError)


@pytest.mark.parametrize(
    ("tail", "text"), [(b'{"data":{"message":"b"}}', "ab"), (b'{"data', "a"), (b'{"error":"x"}', "a")]
)
def test_a_broken_transfer_gives_out_a_last_line_that_is_whole(tail: bytes, text: str) -> None:
    events, error = drive(AiChatOnlineDecoder(), [b'{"data":{"message":"a"}}\n' + tail], whole=False)
    assert (words(events), error) == (text, None)


def test_nothing_is_salvaged_after_an_error() -> None:
    decoder = AiChatOnlineDecoder()
    decoder.feed(b'{"error":"x"}\n{"data":{"message":"b"}}')
    assert decoder.salvage() == []


def test_a_line_without_end_is_an_error() -> None:
    decoder = AiChatOnlineDecoder()
    decoder.feed(b"x" * (2 << 20))
    assert decoder.error is not None
    assert decoder.error.code == "upstream_too_large"


@given(
    st.lists(
        st.sampled_from([b'{"data":{"message":"a"}}', b"\n", b"{", b"[" * 3000, b"\xff", b'{"a":' * 2000, b"<", b" "])
    )
)
def test_junk_raises_nothing_but_the_trees_own_errors(pieces: list[bytes]) -> None:
    outcome = drive(AiChatOnlineDecoder(), pieces)
    assert drive(AiChatOnlineDecoder(), [b"".join(pieces)]) == outcome


def test_our_server_takes_what_our_client_sends() -> None:
    server = AiChatOnlineServer(model="fast")
    first, second = exchange(ask(user("Привет")), as_reply(server.unique_id(fixed_env())))
    assert first.method == "GET"
    asked = server.decode_request(as_call(second))
    assert (asked.model, asked.messages) == ("fast", (user("Привет"),))
    assert asked.extra == {"aichatonline": {"conversationId": "id0001"}}


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ((), b'{"prompt":"x"}', 401),
        (((b"uniqueid", b""),), b'{"prompt":"x"}', 401),
        (((b"uniqueid", b"t"),), b"{", 400),
        (((b"uniqueid", b"t"),), b"[" * 100_000, 400),
        (((b"uniqueid", b"t"),), b"[]", 400),
        (((b"uniqueid", b"t"),), b'{"prompt":5}', 400),
    ],
)
def test_bad_requests_are_refused(headers: tuple[tuple[bytes, bytes], ...], body: bytes, status: int) -> None:
    server = AiChatOnlineServer()
    with pytest.raises(DragomanError) as caught:
        server.decode_request(ServerRequest(method="POST", path="/", headers=headers, body=body))
    answer = server.encode_error(caught.value)
    assert answer.status == status
    read = CLIENT.decode_error(as_reply(answer))
    assert (type(read), read.message) == (type(caught.value), caught.value.message)


def test_a_prompt_may_be_all_there_is() -> None:
    call = ServerRequest(method="POST", path="/", headers=((b"uniqueid", b"t"),), body=b'{"prompt":""}')
    assert AiChatOnlineServer().decode_request(call) == ask(user(""))


def test_our_client_reads_the_answers_of_our_server() -> None:
    server = AiChatOnlineServer()
    response = ChatResponse(parts=(Reasoning(text="hmm"), *assistant("Привет\n\u2028👋").parts))
    encoder = server.encoder(ask(), fixed_env())
    streamed = b"".join(encoder.heartbeat + encoder.send([event]) for event in unfold(response))
    for body in (streamed, server.encode_response(response, ask(), fixed_env()).body):
        events, error = drive(AiChatOnlineDecoder(), bytewise(body))
        assert error is None
        assert fold(events).text == response.text


def test_our_client_notices_where_our_server_broke_off() -> None:
    encoder = AiChatOnlineServer().encoder(ask(), fixed_env())
    data = encoder.send(unfold(ChatResponse(parts=assistant("half").parts))[:-2])
    data += encoder.fail(RateLimitError("slow down"))
    events, error = drive(AiChatOnlineDecoder(), [data])
    assert (words(events), error) == ("half", (RateLimitError, "slow down"))


@pytest.mark.parametrize(
    ("error", "kind"),
    [(AuthenticationError("no"), AuthenticationError), (ConnectError("no"), UpstreamError)],
)
def test_errors_keep_their_status(error: DragomanError, kind: type[DragomanError]) -> None:
    answer = AiChatOnlineServer().encode_error(error)
    assert answer.status == error.status
    assert type(CLIENT.decode_error(as_reply(answer))) is kind


def test_a_fresh_decoder_for_every_answer() -> None:
    assert CLIENT.decoder(ask()) is not CLIENT.decoder(ask())
