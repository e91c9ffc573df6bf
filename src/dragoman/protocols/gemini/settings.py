"""`generationConfig`: how the answer is made. Read and written.

Its fields without a canonical value are in a request's `extra` under names such as `generationConfig.speechConfig`.
"""

from typing import Any

from msgspec import Struct

from dragoman.protocols.extra import merged, without_none
from dragoman.protocols.gemini.extra import NAME, note, noted, to_extra, with_extra
from dragoman.protocols.gemini.numbered import MODALITIES, named
from dragoman.protocols.gemini.schema import is_older, noted_references, to_json_schema
from dragoman.protocols.json_fields import Fields, refused
from dragoman.protocols.reasoning import budget_of
from dragoman.types import ChatRequest, ReasoningConfig, ResponseFormat

CONFIG = "generationConfig"
THINKING = "thinkingConfig"
PREFIX = f"{CONFIG}."

MOST_LOGPROBS = 20

EFFORTS: dict[str, str] = {
    "minimal": "MINIMAL",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "XHIGH",
    "max": "XHIGH",
}
"""How much to think: our words to this protocol's. The last one is the nearest."""
LEVELS: dict[str, str] = {theirs: ours for ours, theirs in EFFORTS.items() if ours != "max"}

OFF, DYNAMIC = 0, -1
"""Budgets with a meaning of their own: no thinking, and as much as the model likes."""

JSON, TEXT = "application/json", "text/plain"
SCHEMA, JSON_SCHEMA, FORM = "responseSchema", "responseJsonSchema", "responseMimeType"


class Settings(Struct, frozen=True):
    """What `generationConfig` says, as fields of a request; and the rest of it."""

    fields: dict[str, Any]
    rest: dict[str, Any]


def decode_settings(outer: Fields) -> Settings:
    """The settings. Raises InvalidRequestError that names the field, as `generationConfig.topP`."""
    if outer.rest.get(CONFIG) is None:
        outer.any(CONFIG)
        return Settings({}, {})
    fields = outer.fields(CONFIG)
    found: dict[str, Any] = {
        "response_format": _form(fields),
        "max_output_tokens": _positive(fields, "maxOutputTokens"),
        "temperature": fields.number("temperature"),
        "top_p": fields.number("topP"),
        "top_k": fields.whole_number("topK"),
        "frequency_penalty": fields.number("frequencyPenalty"),
        "presence_penalty": fields.number("presencePenalty"),
        "stop": fields.strings("stopSequences", alone=True),
        "seed": fields.whole_number("seed"),
        "reasoning": _reasoning(fields),
        "top_logprobs": _top_logprobs(fields),
        "candidate_count": _positive(fields, "candidateCount"),
        "modalities": _modalities(fields),
    }
    rest = {f"{PREFIX}{name}": value for name, value in fields.rest.items()}
    return Settings({name: value for name, value in found.items() if value is not None}, rest)


def encode_settings(request: ChatRequest, *, levels: bool) -> dict[str, Any]:
    """`generationConfig`. `levels`: the model takes levels of thinking, not only budgets."""
    said: dict[str, Any] = {
        "maxOutputTokens": request.max_output_tokens,
        "temperature": request.temperature,
        "topP": request.top_p,
        "topK": request.top_k,
        "frequencyPenalty": request.frequency_penalty,
        "presencePenalty": request.presence_penalty,
        "stopSequences": list(request.stop) or None,
        "seed": request.seed,
        "responseLogprobs": None if request.top_logprobs is None else True,
        "logprobs": request.top_logprobs or None,
        "candidateCount": request.candidate_count,
        "responseModalities": [word.upper() for word in request.modalities] or None,
        THINKING: None if request.reasoning is None else encode_thinking(request.reasoning, levels=levels) or None,
    }
    body = without_none(said)
    if request.response_format is not None:
        body |= _encode_form(request.response_format)
    own = request.extra.get(NAME, {})
    return merged(body, {name.removeprefix(PREFIX): own[name] for name in own if name.startswith(PREFIX)})


def encode_thinking(config: ReasoningConfig, *, levels: bool) -> dict[str, Any]:
    """`thinkingConfig`: a level or a budget, because the service refuses both together."""
    said: dict[str, Any] = {}
    if config.display is not None:
        said["includeThoughts"] = config.display != "none"
    if config.mode == "off" or config.effort == "none":
        said["thinkingBudget"] = OFF
    elif config.effort is not None:
        if levels:
            said["thinkingLevel"] = EFFORTS.get(config.effort, config.effort.upper())
        elif (budget := config.budget_tokens or budget_of(config.effort)) is not None:
            said["thinkingBudget"] = budget
    elif config.budget_tokens is not None:
        said["thinkingBudget"] = config.budget_tokens
    elif config.mode is not None:
        said["thinkingBudget"] = DYNAMIC
    return with_extra(said, config.extra)


def _modalities(fields: Fields) -> tuple[str, ...]:
    name = "responseModalities"
    if name in fields.rest:
        fields.rest[name] = named(fields.rest[name], MODALITIES)
    return tuple(word.lower() for word in fields.strings(name, alone=True))


def _reasoning(fields: Fields) -> ReasoningConfig | None:
    if fields.rest.get(THINKING) is None:
        fields.any(THINKING)
        return None
    said = fields.fields(THINKING)
    shown, level = said.boolean("includeThoughts"), said.text("thinkingLevel")
    budget = said.whole_number("thinkingBudget")
    if budget is not None and budget < DYNAMIC:
        raise refused(said.path("thinkingBudget"), f"expected at least {DYNAMIC}, got {budget}")
    effort = None if level is None else LEVELS.get(level.upper())
    if level is not None and effort is None:
        said.rest["thinkingLevel"] = level
    return ReasoningConfig(
        mode="off" if budget == OFF else "adaptive" if budget == DYNAMIC else None,
        effort=effort,
        budget_tokens=budget if budget is not None and budget > 0 else None,
        display=None if shown is None else "summary" if shown else "none",
        extra=to_extra(said.rest),
    )


def _form(fields: Fields) -> ResponseFormat | None:
    kind = fields.text(FORM)
    old, new = fields.rest.get(SCHEMA), fields.rest.get(JSON_SCHEMA)
    if old is not None and new is not None:
        raise refused(fields.path(SCHEMA), f"expected one of {SCHEMA} and {JSON_SCHEMA}, got both")
    if kind == TEXT and old is None and new is None:
        return ResponseFormat("text")
    if kind == JSON:
        schema, raw = fields.object(JSON_SCHEMA), fields.object(SCHEMA)
        if raw is not None:
            return ResponseFormat("json_schema", schema=to_json_schema(raw), extra=note(SCHEMA, raw))
        if schema is None:
            return ResponseFormat("json_object")
        if is_older(schema):
            return ResponseFormat("json_schema", schema=to_json_schema(schema), extra=note(JSON_SCHEMA, schema))
        return ResponseFormat("json_schema", schema=schema, extra=noted_references(schema))
    if kind is not None:
        fields.rest[FORM] = kind
    return None


def _encode_form(form: ResponseFormat) -> dict[str, Any]:
    if form.kind != "json_schema":
        return with_extra({FORM: TEXT if form.kind == "text" else JSON}, form.extra)
    for name in (SCHEMA, JSON_SCHEMA):
        raw = noted(form.extra, name)
        if raw is not None and to_json_schema(raw) == form.schema:
            return with_extra({FORM: JSON, name: raw}, form.extra)
    # A form has no name and no description here; the schema itself may have both.
    about = without_none({"title": form.name, "description": form.description})
    return with_extra({FORM: JSON, JSON_SCHEMA: about | (form.schema or {})}, form.extra)


def _top_logprobs(fields: Fields) -> int | None:
    wanted, count = fields.boolean("responseLogprobs"), fields.whole_number("logprobs")
    if count is not None and not 0 <= count <= MOST_LOGPROBS:
        raise refused(fields.path("logprobs"), f"expected 0 to {MOST_LOGPROBS}, got {count}")
    if count is not None and not wanted:
        raise refused(fields.path("logprobs"), "expected it with `responseLogprobs` only")
    if wanted is False:
        fields.rest["responseLogprobs"] = False
    return (count or 0) if wanted else None


def _positive(fields: Fields, name: str) -> int | None:
    value = fields.whole_number(name)
    if value is not None and value < 1:
        raise refused(fields.path(name), f"expected at least 1, got {value}")
    return value
