"""Answers that a service keeps: `{url}/responses/{id}`, and what stands below it."""

import re
from collections.abc import Callable, Iterator

from dragoman.error_words import cut
from dragoman.errors import InvalidRequestError
from dragoman.protocols.carrier import BEARER
from dragoman.protocols.env import Env
from dragoman.protocols.openai_responses.kept_stream import KeptEvents
from dragoman.protocols.operations import KeptCall, KeptClient
from dragoman.types import HttpRequest

ITEMS, CANCEL = "input_items", "cancel"

QUERY: dict[tuple[str, str], frozenset[str]] = {
    ("GET", ""): frozenset({"include", "include_obfuscation", "starting_after", "stream"}),
    ("GET", ITEMS): frozenset({"after", "before", "include", "limit", "order"}),
}
"""What of a query is meant for the service, by method and part; `key`, for one, is a key of the gateway's.
https://platform.openai.com/docs/api-reference/responses, seen 2026-11-26"""

LISTS = ("[]", "%5B%5D", "%5b%5d")
"""What may follow the name of a list."""

UNSAFE = re.compile(r"[^\w.=+~:-]", re.ASCII)
"""What cannot stand in a part of a path as it is."""

VALUE = re.compile(r"[\w.~%+:,\[\]-]*", re.ASCII)
"""What a value of these is made of; it passes as it came."""


class ResponsesKept(KeptClient):
    """Asks a service; see `OpenAIResponsesClient`."""

    stream_type = "text/event-stream"

    def __init__(self, url: str) -> None:
        self._url = url

    def encode_request(self, call: KeptCall, env: Env) -> HttpRequest:
        said = "&".join(_meant(call))
        part = f"/{call.part}" if call.part else ""
        url = f"{self._url}/{UNSAFE.sub(_escaped, call.id)}{part}{f'?{said}' if said else ''}"
        headers = (("accept", f"application/json, {self.stream_type}"), *BEARER.headers(env.key))
        return HttpRequest(method=call.method, url=url, headers=headers)

    def stream(self, call: KeptCall, cleaned: Callable[[str], str]) -> KeptEvents:
        return KeptEvents(call.id, cleaned)


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())


def _meant(call: KeptCall) -> Iterator[str]:
    """What of the query is meant for the service. Raises InvalidRequestError if it cannot be part of a URL."""
    meant = QUERY.get((call.method, call.part), frozenset())
    for pair in call.query.split("&"):
        name, _, value = pair.partition("=")
        for mark in LISTS:
            name = name.removesuffix(mark)
        if name in meant:
            if not VALUE.fullmatch(value):
                raise InvalidRequestError(f"{name}: expected a value of a URL, got {cut(value, 40)!r}", param=name)
            yield pair
