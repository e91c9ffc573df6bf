"""What a case expects of each path, and where what a caller was told differs from it. Knows no protocol."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from tests.cases.page import CaseError
from tests.cases.reading import ReplySummary

PATHS = ("library.stream", "library.whole", "relay.stream", "relay.whole", "translate.stream", "translate.whole", "web")
GROUPS = ("library", "relay", "translate", "web")
WAYS = ("stream", "whole")

NAMED = frozenset({"code", "status", "type", "param", "retry_after"})

Words = str | tuple[str, ...]


class Failure(Struct, frozen=True, forbid_unknown_fields=True):
    """An error. What a case does not say of it is not looked at; nor is a status after the head has gone out."""

    code: str | UnsetType = UNSET
    code_not: str | UnsetType = UNSET
    status: int | UnsetType = UNSET
    type: str | UnsetType = UNSET
    param: str | UnsetType = UNSET
    retry_after: float | UnsetType = UNSET
    message_has: Words = ()
    message_lacks: Words = ()

    def differences(self, path: str, told: ReplySummary) -> list[str]:
        """Where the error that was told differs from this. A web chat tells its words, as long as nothing was shown."""
        error = told.error
        if error is None:
            return ["expected an error, got a good answer"]
        if path == "web" and told.status == 200:
            return []
        begun = told.status == 200
        message = str(error.get("message"))
        fields = msgspec.structs.asdict(self).items() if path != "web" else ()
        return [
            *(
                f"expected the error's {name} to be {want!r}, got {error.get(name)!r}"
                for name, want in fields
                if not name.startswith("message_")
                and name != "code_not"
                and want is not UNSET
                and error.get(name) != want
                if not (begun and name in {"status", "retry_after"})
            ),
            *(["expected another code of the error"] if self.code_not == error.get("code") else []),
            *(f"expected {word!r} in {message!r}" for word in words(self.message_has) if word not in message),
            *(f"expected no {word!r} in {message!r}" for word in words(self.message_lacks) if word in message),
        ]


class Outcome(Struct, frozen=True, forbid_unknown_fields=True):
    """What must come out.

    `finish_reason`: UNSET is `stop`, or `tool_call` if tools are called. `error`: False is none. `passed`: how the
    service's bytes are. `holds`: words that the caller gets, in whatever field. `ends`: how the transfer does. `log`:
    what must stand in the request log's line.
    """

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: list[dict[str, str]] = field(default_factory=list)
    finish_reason: str | UnsetType = UNSET
    usage: dict[str, int | float] = field(default_factory=dict)
    losses: list[str] | UnsetType = UNSET
    error: Failure | Literal[False] = False
    passed: Literal["untouched"] | UnsetType = field(default=UNSET, name="bytes")
    holds: Words = ()
    ends: Literal["clean", "cut"] | UnsetType = UNSET
    log: dict[str, Any] = field(default_factory=dict)

    def differences(self, path: str, told: ReplySummary, served: Sequence[bytes]) -> list[str]:
        """Where what was told on a path differs from this."""
        whole = path.endswith("whole")
        differing = self._good(path, told) if self.error is False else self._bad(path, told, self.error)
        if told.unreadable:
            differing.append(f"expected JSON in each event, got {told.unreadable!r}")
        if self.error is False or not whole:
            differing += self._words(path, told)
        if self.ends is not UNSET and told.status is not None and told.clean != (self.ends == "clean"):
            differing.append(f"expected the transfer's end to be {self.ends}")
        if self.passed is not UNSET and path.startswith("relay") and told.body not in served:
            differing.append(f"expected the service's bytes, got {told.body!r}")
        if path != "web":
            held = told.body.decode("utf-8", "replace")
            differing += [f"expected {word!r} in {held!r}" for word in words(self.holds) if word not in held]
        if path.startswith(("relay", "translate")):
            log = ((key, want, told.log.get(key)) for key, want in self.log.items())
            differing += [f"expected {key} = {want!r} in the log, got {got!r}" for key, want, got in log if got != want]
        return differing

    def _bad(self, path: str, told: ReplySummary, error: Failure) -> list[str]:
        marked = told.marked and told.status == 200 and path != "web"
        return [*error.differences(path, told), *(["expected no end mark, got one"] if marked else [])]

    def _good(self, path: str, told: ReplySummary) -> list[str]:
        if told.error is not None:
            return [f"expected no error, got {told.error}"]
        differing = [] if told.marked and told.clean else ["expected an end mark and a clean end"]
        if path == "web":
            return differing
        reason = ("tool_call" if self.calls else "stop") if self.finish_reason is UNSET else self.finish_reason
        if told.finish_reason != reason:
            differing.append(f"expected finish_reason {reason!r}, got {told.finish_reason!r}")
        # What other counts add up to is asked for by those cases only that are about it.
        usage = {name: count for name, count in told.usage.items() if name in self.usage or name != "total_tokens"}
        if usage != self.usage:
            differing.append(f"expected usage {self.usage}, got {usage}")
        if self.losses is not UNSET and told.losses != self.losses:
            differing.append(f"expected losses {self.losses}, got {told.losses}")
        return differing

    def _words(self, path: str, told: ReplySummary) -> list[str]:
        said: dict[str, tuple[object, object]] = {"text": (self.text, told.text)}
        if path == "web":
            said["text"] = (self.text + self.refusal, told.text)
        else:
            said["reasoning"] = (self.reasoning, told.reasoning)
            said["refusal"] = (self.refusal, told.refusal)
            said["calls"] = (self.calls, told.calls)
        return [f"expected {name} {want!r}, got {got!r}" for name, (want, got) in said.items() if want != got]


def outcomes(table: Mapping[str, Any]) -> dict[str, Outcome]:
    """What a table expects of each path: its own keys, over them those of `[relay]`, then those of `[relay.whole]`.

    Raises CaseError for what is not known, and if nothing is expected.
    """
    base = {key: value for key, value in table.items() if key not in GROUPS and key != "only"}
    only = table.get("only", list(PATHS))
    known = {path: _over(base, table, path) for path in PATHS if path in only or path.partition(".")[0] in only}
    try:
        found = {path: msgspec.convert(said, Outcome) for path, said in known.items() if said}
    except msgspec.ValidationError as exc:
        raise CaseError(f"expect: {exc}") from exc
    if not found or len(found) < len(known):
        raise CaseError("expect: expected something of each path; `only` names the paths that a case is about")
    return found


def words(said: Words) -> tuple[str, ...]:
    """One, or several."""
    return (said,) if isinstance(said, str) else said


def _over(base: Mapping[str, Any], table: Mapping[str, Any], path: str) -> dict[str, Any]:
    group, _, way = path.partition(".")
    own = table.get(group, {})
    return {**base, **{key: value for key, value in own.items() if key not in WAYS}, **own.get(way, {})}
