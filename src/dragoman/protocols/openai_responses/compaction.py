"""How this protocol asks for a compacted conversation, and the item that is one.

An input that ends with `{"type": "compaction_trigger"}` is answered with one item `compaction` and nothing else;
`POST /v1/responses/compact` with the messages of the user, and that item after them. A summary of ours stands in the
item's `encrypted_content`, in the form of `opaque`:

    dragomanMark.-.dragoman.BASE64

https://platform.openai.com/docs/api-reference/responses/compact
"""

from base64 import b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Mapping, Sequence
from typing import Any

from dragoman.protocols import opaque
from dragoman.protocols.compaction import is_summary, not_compacted, summary_in
from dragoman.protocols.env import Env
from dragoman.protocols.json_fields import Fields, refused
from dragoman.protocols.openai_responses.content import encode_content
from dragoman.protocols.openai_responses.extra import NAME
from dragoman.protocols.openai_responses.usage import encode_usage
from dragoman.protocols.speech import OURS
from dragoman.types import AnyPart, ChatRequest, ChatResponse, OpaqueState, Unknown, Usage

COMPACTION = "compaction"
TRIGGER = {"type": "compaction_trigger"}
SECRET = "encrypted_content"  # noqa: S105  # the name of a field


def wants_compaction(value: object) -> bool:
    """Whether a request's `input` ends with the item that asks for compaction."""
    return isinstance(value, list | tuple) and bool(value) and value[-1] == TRIGGER


def compaction_item(text: str, item: str) -> dict[str, Any]:
    """The item with the summary `text`."""
    state = OpaqueState(OURS, urlsafe_b64encode(text.encode()).decode())
    return {"id": item, "type": COMPACTION, SECRET: opaque.wrapped(state, NAME)}


def summary_of(fields: Fields) -> str | None:
    """The summary of ours in an item that a caller sent back; None if a service of this protocol has written it.

    Raises InvalidRequestError if it has our form, and nobody here can read it.
    """
    secret = fields.rest.get(SECRET)
    if not isinstance(secret, str) or not secret.startswith(opaque.MARK):
        return None
    state = opaque.unwrapped(secret, NAME)
    if state.protocol == OURS and state.origin is None:
        try:
            text = b64decode(state.data, b"-_", validate=True).decode()
        except (Error, ValueError):
            text = ""
        if text:
            return text
    raise refused(fields.path(SECRET), f"nobody here can read this {COMPACTION}: it was not made here, or was changed")


def is_compaction(part: AnyPart) -> bool:
    """Whether a part of an answer is a compacted conversation, of ours or of a service of this protocol."""
    if summary_in(part) is not None:
        return True
    match part:
        case Unknown(protocol=protocol, data={"type": kind}):
            return protocol == NAME and kind == COMPACTION
        case _:
            return False


def check_compacted(part: AnyPart) -> None:
    """Raises UpstreamError for a part that has no place in the answer to a request for compaction."""
    if not is_compaction(part):
        raise not_compacted("an ordinary answer")


def check_whole(response: ChatResponse) -> None:
    """The same for a whole answer, which must be one compacted conversation."""
    for part in response.parts:
        check_compacted(part)
    if len(response.parts) != 1:
        raise not_compacted("an answer of another form")


def compacted(
    response: ChatResponse, request: ChatRequest, output: Sequence[Mapping[str, Any]], env: Env
) -> dict[str, Any]:
    """The answer of `/responses/compact`: what users have said, and the item in place of all else."""
    return {
        "id": response.id or f"resp_{env.new_id()}",
        "object": "response.compaction",
        "created_at": int(env.now) if response.created is None else response.created,
        "output": [*_users(request, env), *output],
        "usage": encode_usage(response.usage or Usage()),
    }


def _users(request: ChatRequest, env: Env) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    for message in request.messages:
        if message.role == "user" and not is_summary(message):
            content = encode_content([part for part in message.parts if not isinstance(part, Unknown)])
            if isinstance(content, str):
                content = [{"type": "input_text", "text": content}]
            item = message.parts[0].item if message.parts else None
            body = {"id": item or f"msg_dr1{env.new_id()}", "type": "message", "status": "completed", "role": "user"}
            said.append(body | {"content": content})
    return said
