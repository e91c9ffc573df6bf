"""A part of an answer that the strict reader refuses: one odd field of it costs neither its words nor its call.

A service that is like Google's may write an empty text beside a call, a number as an id, or arguments as their text.
What is odd about a call goes to its `extra`; a part that is not understood stays as it came.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from dragoman.errors import InvalidRequestError
from dragoman.protocols.errors.nameless import nameless_call
from dragoman.protocols.gemini.extra import NAME, to_extra
from dragoman.protocols.gemini.parts import BASE64, KINDS, SIGNATURE, Ids, ReadState, decode_part, joined
from dragoman.types import AnyPart, Reasoning, Text, ToolCall, Unknown

CALL, ARGS, THOUGHT = "functionCall", "args", "thought"


def odd_parts(value: object, text: str, ids: Ids, read_state: ReadState) -> list[AnyPart]:
    """The parts that `value` stands for; none if it says nothing. `text`: the JSON text of the object in it.

    Raises BadEventError for a call without a name.
    """
    if isinstance(value, str):
        return [Text(text=value)] if value else []
    return [_decoded(each, text, ids, read_state) for each in _apart(value)] if isinstance(value, dict) else []


def _apart(value: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A part for each thing that `value` holds. What is said about it, such as the signature, is the last one's."""
    said = {name: inner for name, inner in value.items() if inner not in (None, "", False)}
    about = {name: inner for name, inner in said.items() if name not in KINDS}
    held = [kind for kind in KINDS if kind in said]
    for kind in held[:-1]:
        yield {kind: said[kind]} | ({THOUGHT: said[THOUGHT]} if THOUGHT in said else {})
    if held:
        yield {held[-1]: said[held[-1]]} | about
    elif about:
        yield ({"text": ""} if SIGNATURE in about else {}) | about


def _decoded(value: dict[str, Any], text: str, ids: Ids, read_state: ReadState) -> AnyPart:
    plain, odd = dict(value), {}
    if not isinstance(plain.get(THOUGHT, True), bool):
        odd[THOUGHT] = plain.pop(THOUGHT)
    signature = plain.get(SIGNATURE)
    if signature is not None and not (isinstance(signature, str) and BASE64.fullmatch(signature)):
        del plain[SIGNATURE]
        if not isinstance(signature, str):
            odd[SIGNATURE] = signature
    arguments = None
    if isinstance(call := plain.get(CALL), dict):
        plain[CALL] = call = dict(call)
        if not isinstance(call.get("id", ""), str):
            odd[CALL] = {"id": call.pop("id")}
        if not isinstance(call.get(ARGS, {}), dict):
            written = call.pop(ARGS)
            arguments = written if isinstance(written, str) else text
    try:
        part = decode_part(plain, "", text, ids, read_state)
    except InvalidRequestError as exc:
        if CALL in value:
            raise nameless_call() from exc
        return Text(text=value["text"]) if isinstance(value.get("text"), str) else Unknown(protocol=NAME, data=value)
    if isinstance(part, ToolCall) and arguments is not None:
        part = replace(part, arguments=arguments)
    if isinstance(signature, str) and part.opaque is None:
        # Which letters it has is the service's affair; a caller gets it in another form.
        part = replace(part, opaque=read_state(signature))
    if odd and not isinstance(part, Text | Reasoning):  # a flag is no reason to cut a text in two
        part = replace(part, extra=joined(part.extra, to_extra(odd)))
    return part
