"""Requests to `/api/generate`: one text to be continued. Read and written.

If neither a template, a suffix, a context nor raw text is said, such a request is a conversation of one turn, which any
service can answer. Else it means something that only this protocol's services can do.
"""

from typing import Any

from dragoman.protocols.extra import without_none
from dragoman.protocols.json_fields import Fields, refused
from dragoman.protocols.ollama.extra import GENERATE, NAME, UNSAID, with_extra
from dragoman.protocols.ollama.messages import missing, read_images
from dragoman.protocols.ollama.options import OPTIONS, encode_options
from dragoman.protocols.ollama.request import PROBABILITIES, RENDER, common
from dragoman.protocols.ollama.thinking import encode_think
from dragoman.protocols.ollama.tools import encode_format
from dragoman.protocols.ollama.write_messages import joined, pictures
from dragoman.protocols.speech import OURS
from dragoman.types import AnyPart, ChatRequest, Message, Text

ESSENTIAL = ("raw", "template", "suffix", "context", "width", "height", "steps")
"""Fields that only this path of a service can follow; the last three are of a picture to be made."""


def is_generate(request: ChatRequest) -> bool:
    """Whether a request is sent to `/api/generate`."""
    said = request.extra.get(NAME, {})
    return GENERATE in request.extra or any(said.get(name) for name in ESSENTIAL)


def decode_generate(fields: Fields) -> ChatRequest:
    """A request to `/api/generate`. Raises InvalidRequestError.

    Without a prompt and pictures it has no messages: it only asks to load the model, or to unload it.
    """
    unsaid = missing(fields, "prompt")
    prompt, images, system = fields.text("prompt"), read_images(fields), fields.text("system")
    parts: tuple[AnyPart, ...] = (*([Text(text=prompt)] if prompt else []), *images)
    messages: tuple[Message, ...] = (Message("user", parts),) if parts else ()
    if system and parts:
        messages = (Message("system", (Text(text=system),), top_level=True), *messages)
    names = [name for name in (*ESSENTIAL, RENDER) if name in fields.rest]
    return common(
        fields,
        messages,
        essential=tuple(name for name in names if fields.rest[name]),
        # The vendor's SDK writes an empty text for what was not said.
        unsaid=tuple(name for name in names if not fields.rest[name]),
        mark={GENERATE: {}} | ({OURS: {UNSAID: unsaid}} if unsaid else {}),
    )


def encode_generate(request: ChatRequest) -> dict[str, Any]:
    """A request to `/api/generate`. Raises InvalidRequestError if it is a conversation of several turns."""
    system = [message for message in request.messages if message.role == "system"]
    turns = [message for message in request.messages if message.role != "system"]
    if len(turns) > 1 or any(turn.role != "user" for turn in turns) or len(system) > 1:
        named = next(iter(set(ESSENTIAL) & request.extra.get(NAME, {}).keys()), "prompt")
        raise refused(named, "expected it with one user message, and at most one system message")
    said = {
        "system": system[0].text if system else None,
        "format": encode_format(request.response_format),
        "think": encode_think(request.reasoning),
        OPTIONS: encode_options(request) or None,
        "logprobs": None if request.top_logprobs is None else True,
        PROBABILITIES: request.top_logprobs or None,
        "truncate": request.truncate,
    }
    parts = turns[0].parts if turns else ()
    body: dict[str, Any] = {"model": request.model, "prompt": joined(parts)} | pictures(parts)
    return with_extra(body | {"stream": True} | without_none(said), request.extra, OPTIONS)
