"""The body of a request to a ChatRequest, and back."""

from collections.abc import Mapping
from typing import Any

from dragoman.protocols.extra import without_none
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.protocols.ollama.arguments import asked_arguments
from dragoman.protocols.ollama.extra import NAME, to_extra, with_extra
from dragoman.protocols.ollama.messages import Conversation
from dragoman.protocols.ollama.options import OPTIONS, Options, encode_options
from dragoman.protocols.ollama.thinking import decode_think, encode_think
from dragoman.protocols.ollama.tools import decode_format, decode_tools, encode_format, encode_tools
from dragoman.protocols.ollama.write_messages import encode_messages
from dragoman.types import AnyTool, ChatRequest, Extra, Message

MAX_MESSAGES = 10_000
"""Messages of a request that is translated: each takes 10 µs, in which nobody else is served."""

MOST_LOGPROBS = 20

SILENT = ("keep_alive",)
"""Fields that mean nothing to the model: how long it stays in memory."""
INDEX = "function.index"
"""The number of a call, which means nothing either."""

RENDER = "_debug_render_only"
PROBABILITIES = "top_logprobs"


def decode_chat(fields: Fields, body: bytes) -> ChatRequest:
    """A request to `/api/chat`. `body`: its text. Raises InvalidRequestError.

    Without messages it only asks to load the model, or to unload it.
    """
    items = fields.items("messages")
    if len(items) > MAX_MESSAGES:
        raise refused("messages", f"expected at most {MAX_MESSAGES}, got {len(items)}")
    messages = Conversation(asked_arguments(body)).read(items)
    # The answer to such a request is not the model's, but the text that it would get.
    tools = decode_tools(fields)
    return common(fields, messages, tools, essential=(RENDER,) if fields.rest.get(RENDER) else ())


def common(
    fields: Fields,
    messages: tuple[Message, ...],
    tools: tuple[AnyTool, ...] = (),
    *,
    essential: tuple[str, ...] = (),
    unsaid: tuple[str, ...] = (),
    mark: Extra | None = None,
) -> ChatRequest:
    """The request with these messages; `fields`: what both kinds of request have.

    `essential`: names of fields without which it would be another one; `unsaid`: of those that say nothing. `mark`:
    what notes its kind.
    """
    options = Options(fields)
    wanted, count = fields.boolean("logprobs"), fields.whole_number(PROBABILITIES)
    if count is not None and not 0 <= count <= MOST_LOGPROBS:
        raise refused(PROBABILITIES, f"expected 0 to {MOST_LOGPROBS}, got {count}")
    silent = [*options.silent, *(name for name in SILENT if name in fields.rest)]
    if any(INDEX in part.extra.get(NAME, {}) for message in messages for part in message.parts if part.extra):
        silent.append(INDEX)
    if not wanted and count is not None:
        # Without `logprobs` the service ignores it.
        fields.rest[PROBABILITIES] = count
        silent.append(PROBABILITIES)
    stream = fields.boolean("stream")
    return ChatRequest(
        model=fields.text("model") or "",
        messages=messages,
        tools=tools,
        response_format=decode_format(fields),
        reasoning=decode_think(fields),
        truncate=fields.boolean("truncate"),
        max_output_tokens=options.max_output_tokens,
        temperature=options.temperature,
        top_p=options.top_p,
        top_k=options.top_k,
        frequency_penalty=options.frequency_penalty,
        presence_penalty=options.presence_penalty,
        stop=options.stop,
        seed=options.seed,
        top_logprobs=(count or 0) if wanted else None,
        stream=stream is not False,
        extra=to_extra(fields.rest | options.rest) | (mark or {}),
        essential=essential,
        silent=(*silent, *unsaid),
    )


def encode_chat(request: ChatRequest) -> dict[str, Any]:
    """A request to `/api/chat`. Always streamed, unless `extra` says otherwise."""
    said = {
        "tools": encode_tools(request.tools) or None,
        "format": encode_format(request.response_format),
        "think": encode_think(request.reasoning),
        OPTIONS: encode_options(request) or None,
        "logprobs": None if request.top_logprobs is None else True,
        PROBABILITIES: request.top_logprobs or None,
        "truncate": request.truncate,
    }
    body = {"model": request.model, "messages": encode_messages(request.messages), "stream": True}
    return with_extra(body | without_none(said), request.extra, OPTIONS)


def read_fields(value: Any) -> Fields:
    """The fields of a body."""
    if not isinstance(value, Mapping):
        raise wrong_type("the body", "an object", value)
    return Fields(value)
