"""What a keyword of JSON Schema demands, in words for a model. Knows no vendor."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from dragoman.protocols.tools.schema.keywords import Schema
from dragoman.protocols.tools.schema.references import CUT

MAX_QUOTED = 500
"""Characters of a schema that may stand in a description. Longer ones cost more than a model gets from them."""

CUT_TEXT = msgspec.json.encode(CUT).decode()


def shown(value: object) -> str:
    """A value as JSON."""
    return msgspec.json.encode(value).decode()


def schema_text(value: object) -> str:
    """A schema as JSON, without the marks of cuts; with them if it is much too long for words."""
    text = shown(value)
    return shown(without_cuts(value)) if CUT_TEXT in text and len(text) < 8 * MAX_QUOTED else text


def quoted(schema: object) -> str | None:
    """A schema as JSON; None if it is too long for words."""
    text = schema_text(schema)
    return text if len(text) <= MAX_QUOTED else None


def joined_words(*sentences: str) -> str:
    """The sentences in one text, each once."""
    text = ""
    for sentence in sentences:
        if sentence.strip() and sentence not in text:
            end = "" if not text or text.rstrip()[-1] in ".!?:;" else "."
            text = f"{text.rstrip()}{end} {sentence}" if text else sentence
    return text


def listed(values: Sequence[object], last: str = "or") -> str:
    """`1, 2 or 3`."""
    texts = [shown(value) for value in values]
    return f" {last} ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def sentence(name: str, schema: Schema) -> str | None:
    """What the keyword `name` of `schema` demands; None if there are no words for it, or too many."""
    value = schema[name]
    if (words := WORDS.get(name)) is not None:
        text = words(value)
    elif (form := FORMS.get(name)) is not None:
        said = form.format(value=value if isinstance(value, str) else schema_text(value))
        text = said
    elif name in WITH_MORE:
        told = {each: schema[each] for each in WITH_MORE[name] if each in schema}
        text = f"Must match the JSON Schema {schema_text(told)}."
    else:
        return None
    return text if len(text) <= MAX_QUOTED + 100 else None


def without_cuts(value: Any) -> Any:
    """`value` without the mark of schemas that stand for narrower ones."""
    match value:
        case dict():
            return {name: without_cuts(inner) for name, inner in value.items() if name != CUT}
        case list() | tuple():
            return [without_cuts(inner) for inner in value]
        case _:
            return value


def _rest(value: Any) -> str:
    match value:
        case True:
            return ""
        case False:
            return "No other properties are allowed."
        case _:
            return f"Other properties must match the JSON Schema {schema_text(value)}."


def _patterns(value: Any) -> str:
    return " ".join(
        f"Properties whose names match {name} must match the JSON Schema {schema_text(inner)}."
        for name, inner in value.items()
    )


def _needs(value: Any) -> str:
    return " ".join(
        f"If {shown(name)} is present, {listed(needed, 'and')} must be present."
        for name, needed in value.items()
        if needed
    )


def _if_present(value: Any) -> str:
    return " ".join(
        f"If {shown(name)} is present, all must match the JSON Schema {schema_text(inner)}."
        for name, inner in value.items()
    )


def _names(value: Any) -> str:
    if isinstance(value, dict) and value.keys() == {"pattern"}:
        return f"Names of properties must match the regular expression {value['pattern']}."
    return f"Names of properties must match the JSON Schema {schema_text(value)}."


def _values(value: Any) -> str:
    return f"One of: {', '.join(shown(each) for each in value)}." if value else ""


def _discriminator(value: Any) -> str:
    name = value.get("propertyName") if isinstance(value, dict) else value
    return f"The property {shown(name)} tells which form it is."


def _flag(text: str) -> Callable[[Any], str]:
    return lambda value: text if value is True else ""


FORMS: dict[str, str] = {
    "pattern": "Must match the regular expression {value}.",
    "format": "Format: {value}.",
    "minLength": "At least {value} characters.",
    "maxLength": "At most {value} characters.",
    "minimum": "At least {value}.",
    "maximum": "At most {value}.",
    "exclusiveMinimum": "Greater than {value}.",
    "exclusiveMaximum": "Less than {value}.",
    "multipleOf": "A multiple of {value}.",
    "minItems": "At least {value} items.",
    "maxItems": "At most {value} items.",
    "minProperties": "At least {value} properties.",
    "maxProperties": "At most {value} properties.",
    "contentEncoding": "Encoded as {value}.",
    "contentMediaType": "The text is {value}.",
    "default": "Default: {value}.",
    "example": "Example: {value}.",
    "type": "Type: {value}.",
    "not": "Must not match the JSON Schema {value}.",
    "items": "Each item must match the JSON Schema {value}.",
    "prefixItems": "The items must match, in this order, the JSON Schemas {value}.",
    "anyOf": "Must match one of the JSON Schemas {value}.",
    "oneOf": "Must match exactly one of the JSON Schemas {value}.",
    "allOf": "Must match all of the JSON Schemas {value}.",
    "properties": "Its properties: {value}.",
    "nullable": "May be null.",
}
"""Sentences with the value in them."""

WORDS: dict[str, Callable[[Any], str]] = {
    "const": lambda value: f"Must be {shown(value)}.",
    "enum": _values,
    "examples": lambda value: f"Examples: {', '.join(map(shown, value))}." if isinstance(value, list) else "",
    "required": lambda value: f"Required: {listed(value, 'and')}." if value else "",
    "additionalProperties": _rest,
    "unevaluatedProperties": _rest,
    "patternProperties": _patterns,
    "dependentRequired": _needs,
    "dependentSchemas": _if_present,
    "propertyNames": _names,
    "discriminator": _discriminator,
    "uniqueItems": _flag("No two items may be equal."),
    "deprecated": _flag("Deprecated."),
    "readOnly": _flag("Read only."),
    "writeOnly": _flag("Write only."),
}
"""Sentences of their own; empty if the value demands nothing."""

WITH_MORE: dict[str, tuple[str, ...]] = {
    "if": ("if", "then", "else"),
    "contains": ("contains", "minContains", "maxContains"),
    "unevaluatedItems": ("prefixItems", "items", "unevaluatedItems"),
    "contentSchema": ("contentMediaType", "contentSchema"),
}
"""Keywords that are told together with others, as JSON Schema."""
