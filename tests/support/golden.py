"""Golden cases: a request, its bytes on the wire, a reply's bytes, and the events that they are.

A case is a folder `tests/golden/PROTOCOL/NAME` with `request.json` (a ChatRequest) and `reply.bin`, which people write,
and `sent.http` and `events.json`, which `pytest --golden` writes. If the protocol asks for something before it asks the
question, `before.bin` is the reply to that, and `sent.http` holds both requests. Knows no protocol.
"""

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from dragoman.errors import DragomanError
from dragoman.protocols.base import ClientCodec, Preliminaries
from dragoman.types import ChatRequest, HttpRequest, HttpResponse, ResponseHead
from tests.support.cuts import Outcome, drive
from tests.support.env import fixed_env

ROOT = Path(__file__).parent.parent / "golden"


class Case(Struct, frozen=True):
    """One folder."""

    path: Path

    @property
    def request(self) -> ChatRequest:
        return msgspec.json.decode((self.path / "request.json").read_bytes(), type=ChatRequest)

    @property
    def reply(self) -> bytes:
        return (self.path / "reply.bin").read_bytes()

    @property
    def before(self) -> HttpResponse:
        """The reply to the preliminary request."""
        return HttpResponse(ResponseHead(200, ()), (self.path / "before.bin").read_bytes())


def cases(protocol: str) -> dict[str, Case]:
    """The cases of a protocol by their names. Raises where there is none, so that no test runs over nothing."""
    found = {path.name: Case(path) for path in sorted((ROOT / protocol).iterdir()) if path.is_dir()}
    assert found, f"no golden cases of {protocol}"
    return found


def check_sent(codec: ClientCodec, case: Case, *, rewrite: bool) -> None:
    """Whether `codec` sends the case's request as `sent.http` says."""
    env = fixed_env(key="test-key")
    message = codec.encode_request(codec.fit(case.request, env.profile), env)
    sent = [message] if isinstance(message, HttpRequest) else _exchanged(message, case.before)
    _compare(case.path / "sent.http", b"\n".join(map(_http, sent)), rewrite=rewrite)


def check_events(codec: ClientCodec, case: Case, *, rewrite: bool) -> None:
    """Whether `codec` reads the case's reply as `events.json` says."""
    outcome = drive(codec.decoder(case.request), [case.reply])
    _compare(case.path / "events.json", _json(outcome), rewrite=rewrite)


def _exchanged(exchange: Preliminaries, reply: HttpResponse) -> list[HttpRequest]:
    """The preliminary request, and the question."""
    sent = [next(exchange)]
    try:
        exchange.send(reply)
    except StopIteration as stop:
        return [*sent, stop.value]
    raise AssertionError("a golden case holds one preliminary request at most")


def _http(message: HttpRequest) -> bytes:
    lines = [f"{message.method} {message.url}", *(f"{name}: {value}" for name, value in message.headers)]
    return "\n".join(lines).encode() + b"\n\n" + message.body + b"\n"


def _json(outcome: Outcome) -> bytes:
    events, error = outcome
    said: dict[str, Any] = {"events": events, "error": None if error is None else _error(*error)}
    return msgspec.json.format(msgspec.json.encode(said), indent=2) + b"\n"


def _error(kind: type[DragomanError], message: str) -> dict[str, str]:
    return {"type": kind.__name__, "message": message}


def _compare(path: Path, made: bytes, *, rewrite: bool) -> None:
    if rewrite:
        path.write_bytes(made)
    assert path.read_bytes() == made, f"{path.relative_to(ROOT)} says otherwise; `make golden` rewrites it"
