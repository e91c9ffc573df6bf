"""`POST /explain`: what would become of a request to another front. Nobody is called, and no credential is shown."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.client import Client
from dragoman.client.explain import Asked, Do, explaining
from dragoman.client.explanation import Explanation, plain
from dragoman.error_words import cut, nearest, scrub
from dragoman.errors import DragomanError
from dragoman.gateway.answer import fit
from dragoman.gateway.attribution import attributed
from dragoman.gateway.fronts.endpoints import ChatEndpoint, Endpoint, decoded
from dragoman.gateway.fronts.table import Front, FrontMaker, PathTable, Row
from dragoman.gateway.http.request_limits import check_type
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.gateway.prompt_caches.explained import Asking, CachePreview, PromptCaches
from dragoman.loop.turns import in_turns
from dragoman.protocols.json_fields import refused, wrong_type
from dragoman.protocols.openai_chat import OpenAIChatServer
from dragoman.types import Identity, ServerRequest, ServerResponse
from dragoman.types.http import JSON
from dragoman.wire import json

PATH = "/explain"
FIELDS = ("path", "headers", "body", "model")
TEXT = b'"'
"""How JSON text begins that is a string."""

_fields = msgspec.json.Decoder(dict[str, Raw]).decode


class Wanted(Struct, frozen=True):
    """A request that is to be explained."""

    call: ServerRequest
    key_shown: bool = False
    """Whether a key of the gateway was shown; see `ServerCodec.decode_request`."""
    model: str = ""
    """The model to ask in place of the one that the request names; empty for that one."""
    identity: Identity = Identity()
    """Who asks."""


def request_to(path: str, headers: dict[str, str], body: bytes) -> ServerRequest:
    """The request to `path`, which may have a query. Raises InvalidRequestError for a header that cannot be sent."""
    address, _, query = path.partition("?")
    try:
        fields = tuple((name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers.items())
    except UnicodeEncodeError as exc:
        raise refused("headers", "expected characters that a header can hold") from exc
    return ServerRequest(method="POST", path=address, query=query, headers=fields, body=body)


async def explain_at(client: Client, table: PathTable, wanted: Wanted, now: float, do: Do) -> Explanation:
    """What the front at the path of a request would do with it at `now`, a monotonic time in seconds.

    What the front would refuse is in the explanation. Raises InvalidRequestError for a path where no chat is answered.
    """
    call = wanted.call
    found = table.find(call)
    chat = found.endpoint
    if not isinstance(chat, ChatEndpoint):
        known = table.chats().values()
        # No key is so long that its end is needed to know it.
        shown = f"{cut(scrub(call.path[:1000]), 100)!r}{nearest(call.path, known)}"
        raise refused("path", f"expected the path of a chat ({', '.join(known)}), got {shown}")
    try:
        if found.front.json:
            check_type(call)
    except DragomanError as exc:
        return Explanation(codec=chat.codec, path=call.path, error=exc)
    asked = Asked(call, chat.codec, wanted.key_shown, wanted.model, wanted.identity)
    return await explaining(client, asked, now, do)


def read_wanted(call: ServerRequest) -> Wanted:
    """What `call` asks to be explained. Raises InvalidRequestError."""
    fields = _object(call.body, "the body")
    if unknown := next((name for name in fields if name not in FIELDS), None):
        raise refused(cut(unknown, 80), f"there is no such field{nearest(unknown, FIELDS)}")
    path = _text(fields, "path")
    if path is None:
        raise refused("path", "expected the path of a chat, got nothing")
    headers = {name: json.decode_request(bytes(raw)) for name, raw in _object(fields.get("headers"), "headers").items()}
    for name, value in headers.items():
        if not isinstance(value, str):
            raise wrong_type(f"headers.{cut(name, 80)}", "a string", value)
    said = bytes(fields.get("body", b"")).strip()
    if said.startswith(TEXT):
        # A body that is no JSON is given as a text.
        said = json.decode_request(said).encode()
    return Wanted(request_to(path, headers, said), model=_text(fields, "model") or "")


def _object(text: Raw | bytes | None, path: str) -> dict[str, Raw]:
    """The fields of JSON text, each as it is written; none if there is no text."""
    if text is None:
        return {}
    try:
        return _fields(text)
    except json.NOT_STRICT as exc:
        raise wrong_type(path, "an object", json.decode_request(bytes(text))) from exc


def _text(fields: dict[str, Raw], name: str) -> str | None:
    value: Any = json.decode_request(bytes(fields[name])) if name in fields else None
    if value is None or isinstance(value, str):
        return value
    raise wrong_type(name, "a string", value)


class ExplainEndpoint(Endpoint):
    """Answers with an explanation, also of a request that would be refused."""

    def __init__(self, client: Client, table: Callable[[], PathTable], caches: PromptCaches | None) -> None:
        self._client = client
        self._table = table
        self._caches = caches

    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        wanted, caller = await decoded(call, read_wanted), writer.outcome.identity
        identity = replace(caller, attribution=attributed(wanted.call))
        wanted = replace(wanted, key_shown=caller.known, identity=identity)
        now = asyncio.get_running_loop().time()
        explanation = await explain_at(self._client, self._table(), wanted, now, asyncio.to_thread)
        cache = await self._cache(explanation, wanted)
        if explanation.error is not None:
            explanation = replace(explanation, error=fit(explanation.error, writer))
        writer.outcome.model = explanation.model
        await writer.send(await asyncio.to_thread(_told, explanation, cache))

    async def _cache(self, explanation: Explanation, wanted: Wanted) -> CachePreview | None:
        """What the request would change of what the target has cached, if it were sent."""
        codec = explanation.codec
        if self._caches is None or codec is None or not explanation.target:
            return None
        asking = Asking(codec, wanted.call, wanted.identity, explanation.model)
        return await in_turns(self._caches.preview(asking, explanation.target, monotonic()))


def _told(explanation: Explanation, cache: CachePreview | None) -> ServerResponse:
    return ServerResponse(headers=JSON, body=json.encode(plain(explanation) | {"cache": cache}))


def explain(client: Client, table: Callable[[], PathTable], caches: PromptCaches | None) -> Front:
    """The front, which answers in OpenAI's words if the question itself is wrong."""
    rows = (Row("POST", PATH, ExplainEndpoint(client, table, caches)),)
    return Front(OpenAIChatServer(), rows, prefix=PATH, json=True, name="explain")


EXPLAIN = FrontMaker(lambda context: (explain(context.client, context.table, context.caches),))
