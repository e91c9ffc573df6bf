"""A service's refusal of opaque state, in the words of each vendor; and state that is made nobody's."""

import json

import pytest

from dragoman.errors import DragomanError, InvalidRequestError, OpaqueStateError
from dragoman.protocols.anthropic import AnthropicClient
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.gemini import GeminiClient
from dragoman.protocols.opaque import disowned, has_own, without_foreign
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.protocols.openai_responses import OpenAIResponsesClient
from dragoman.types import ChatRequest, HttpResponse, Message, OpaqueState, Reasoning, ResponseHead, Text, ToolCall

ANTHROPIC, GEMINI = AnthropicClient("http://a"), GeminiClient("http://g")
RESPONSES, CHAT = OpenAIResponsesClient("http://r"), OpenAIChatClient("http://c")

UNSIGNED = "messages.1.content.0: Invalid `signature` in `thinking` block"
BOUND = f"{UNSIGNED}. The block is bound to a different conversation."
EDITED = (
    "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified."
)
ENCRYPTED = "The encrypted content gAAA...DQ== could not be verified."
UNREADABLE = "The encrypted content could not be verified. Reason: Encrypted content could not be decrypted or parsed."


def anthropic(message: str) -> object:
    return {"type": "error", "error": {"type": "invalid_request_error", "message": message}}


def google(message: str) -> object:
    return {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}


def openai(message: str, code: str | None = None) -> object:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


def routed(raw: object) -> object:
    return {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": json.dumps(raw)}}}


REFUSED = [
    (ANTHROPIC, anthropic(UNSIGNED)),
    (ANTHROPIC, anthropic(BOUND)),
    (ANTHROPIC, anthropic("messages.3.content.0: Invalid `data` in `redacted_thinking` block")),
    (ANTHROPIC, anthropic(EDITED)),
    (GEMINI, google("Unable to submit request because Thought signature is not valid.")),
    (GEMINI, google("Corrupted thought signature.")),
    (RESPONSES, openai(ENCRYPTED, "invalid_encrypted_content")),
    (RESPONSES, openai(UNREADABLE)),
    (CHAT, openai(ENCRYPTED, "invalid_encrypted_content")),
    (CHAT, routed(anthropic(UNSIGNED))),
    (CHAT, routed(google("Corrupted thought signature."))),
]
OTHERS = [
    (ANTHROPIC, anthropic("messages.1.content.0: thinking: Field required")),
    (GEMINI, google("Function call is missing a thought_signature in functionCall parts.")),
    (RESPONSES, openai("Invalid value: 'x'", "invalid_value")),
    (CHAT, openai("bad", "invalid_value")),
]


def read(codec: ClientCodec, body: object, status: int = 400) -> DragomanError:
    head = ResponseHead(status, ((b"content-type", b"application/json"),))
    return codec.decode_error(HttpResponse(head, json.dumps(body).encode()))


@pytest.mark.parametrize(("codec", "body"), REFUSED)
def test_a_refusal_of_opaque_state_is_known(codec: ClientCodec, body: object) -> None:
    error = read(codec, body)
    assert type(error) is OpaqueStateError
    assert (error.status, error.code, error.retryable) == (400, "invalid_opaque_state", False)


@pytest.mark.parametrize(("codec", "body"), OTHERS)
def test_any_other_refusal_is_none(codec: ClientCodec, body: object) -> None:
    assert type(read(codec, body)) is InvalidRequestError


def test_callers_of_the_same_protocol_keep_the_services_code() -> None:
    assert read(RESPONSES, openai(ENCRYPTED, "invalid_encrypted_content")).native_code == "invalid_encrypted_content"


@pytest.mark.parametrize("origin", [None, "0a1b2c3d"])
def test_state_that_is_disowned_is_nobodys(origin: str | None) -> None:
    state = OpaqueState("p", "data", origin)
    parts = (Reasoning(text="t", opaque=state), Text(text="a"), ToolCall(id="c", name="f", opaque=state))
    request = ChatRequest(model="m", messages=(Message("assistant", parts), Message("user", (Text(text="b"),))))
    assert has_own(request, "p", "0a1b2c3d")
    cleared = disowned(request)
    assert not any(has_own(cleared, own, "0a1b2c3d") for own in ("p", "-", ""))
    bare = tuple(part.opaque for part in without_foreign(cleared, "p", "0a1b2c3d").messages[0].parts)
    assert bare == (None, None, None)
    assert cleared.messages[1] is request.messages[1]
