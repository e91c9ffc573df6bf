"""Settings of requests, as they are typed: names that `Client.chat` takes, and values. Knows no command."""

from collections.abc import Iterable, Mapping
from typing import Any

import click
import msgspec

from dragoman.cli.answer_form import answer_form, schema_form
from dragoman.cli.conversation.conversation import Conversation
from dragoman.cli.templates import Template
from dragoman.client.functions import FunctionTool
from dragoman.errors import InvalidRequestError
from dragoman.types import user
from dragoman.wire.json import NOT_STRICT

TWO_KINDS = "tools are either those of --tool or those of the option `tools`"


def setting(text: str) -> Any:
    """The value as JSON, if it is JSON; else as text."""
    try:
        return msgspec.json.decode(text)
    except NOT_STRICT:
        return text


def settings(
    template: Template, given: Iterable[tuple[str, str]], schema: str | None, tools: list[FunctionTool]
) -> dict[str, Any]:
    """Those of a template, what is `given` in place of them, and the form of the answer, if that has one.

    Raises click.UsageError for tools of two kinds, and InvalidRequestError for what is no schema.
    """
    own = template.options | {name: setting(text) for name, text in given}
    own |= _form(template.schema or None if schema is None else schema)
    if tools and "tools" in own:
        raise click.UsageError(TWO_KINDS, click.get_current_context())
    return own


def check(own: Mapping[str, Any], tools: list[FunctionTool]) -> None:
    """Raises InvalidRequestError for an unknown setting, a wrong value, and tools of two kinds."""
    if tools and "tools" in own:
        raise InvalidRequestError(TWO_KINDS)
    Conversation("any").request(user("any"), own)


def _form(schema: str | dict[str, Any] | None) -> dict[str, Any]:
    if schema is None:
        return {}
    return {"response_format": answer_form(schema) if isinstance(schema, str) else schema_form(schema)}
