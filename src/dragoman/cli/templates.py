"""Templates of questions: files of TOML in the folder `templates` beside the user's own configuration."""

import os
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from string import Template as Pattern
from typing import Any

import click
import msgspec
from msgspec import Struct, field

from dragoman.cli.files import read
from dragoman.config.load import own_place
from dragoman.error_words import nearest
from dragoman.errors import ConfigurationError, InvalidRequestError

FOLDER = "templates"
NAME = re.compile(r"[\w][\w.-]*")
INPUT = "input"
"""The variable that is the question."""
LARGEST = 1 << 20
"""Bytes of a template: longer than any context."""

SKELETON = """\
# What the model is told before the question; $input is the question, $NAME what `-p NAME VALUE` gives.
system = ""
prompt = "$input"

# model = "PROVIDER/MODEL"
# schema = "name, age int"

# [options]
# temperature = 0.2

# [defaults]
# NAME = "value"
"""


class Template(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A template. `options`: those of a request, as `Client.chat` takes them; `defaults`: values of variables."""

    system: str = ""
    prompt: str = ""
    model: str = ""
    schema: str | dict[str, Any] = ""
    options: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> list[str]:
        """The names of all variables in it except the question, in the order in which they stand."""
        names = [name for text in (self.system, self.prompt) for name in Pattern(text).get_identifiers()]
        return [name for name in dict.fromkeys(names) if name != INPUT]


class Filled(Struct, frozen=True):
    """A template's texts with their variables replaced."""

    system: str
    question: str


def folder() -> Path:
    """Where templates are. Raises ConfigurationError if there is no folder of the user's."""
    place = own_place(os.environ, sys.platform)
    if place is None:
        raise ConfigurationError("expected HOME or XDG_CONFIG_HOME to be set: templates are kept there")
    return place.parent / FOLDER


def path_of(name: str) -> Path:
    """The file of a template. Raises InvalidRequestError for what cannot be a name."""
    if not NAME.fullmatch(name):
        raise InvalidRequestError(
            f"expected the name of a template, of letters, digits, `-`, `_` and `.`, got {name!r}"
        )
    return folder() / f"{name}.toml"


def names() -> list[str]:
    """The names of all templates."""
    try:
        found = [path for path in folder().iterdir() if path.suffix == ".toml" and path.is_file()]
        return sorted(path.stem for path in found if NAME.fullmatch(path.stem))
    except (FileNotFoundError, NotADirectoryError):
        return []


def completed(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """The names that a shell may complete a word with."""
    return [name for name in names() if name.startswith(incomplete)]


def chosen(name: str | None, values: Mapping[str, str]) -> Template:
    """The template of `-t`, or one that changes nothing. Raises as `find`, and click.UsageError for values of none."""
    if values and name is None:
        raise click.UsageError("-p is for a template: name one with -t", click.get_current_context())
    return find(name) if name is not None else Template()


def find(name: str) -> Template:
    """A template by its name. Raises InvalidRequestError, for an unknown name with the nearest known one."""
    path = path_of(name)
    if not path.is_file():
        known = names()
        hint = nearest(name, known) or "; `dragoman templates` lists those that there are"
        raise InvalidRequestError(f"there is no template {name!r}{hint}")
    return parse(read(path, LARGEST), str(path))


def parse(data: bytes, label: str) -> Template:
    """A template from its file's bytes. Raises InvalidRequestError that says where it is wrong."""
    try:
        found = msgspec.convert(tomllib.loads(data.decode()), Template)
    except (ValueError, RecursionError) as exc:  # of TOML, UTF-8 and types
        raise InvalidRequestError(f"{label}: expected a template, got: {exc}") from exc
    for text in (found.system, found.prompt):
        if not Pattern(text).is_valid():
            raise InvalidRequestError(f"{label}: expected $NAME or ${{NAME}}, and $$ for a dollar sign, got another $")
    return found


def asks_in(text: str) -> bool:
    """Whether the question stands in a text of a template."""
    return INPUT in Pattern(text).get_identifiers()


def fill(template: Template, question: str, values: Mapping[str, str]) -> Filled:
    """The texts with these values. Raises InvalidRequestError: a value is missing, or there is no such variable.

    A question stands below the prompt if that has no place for it.
    """
    for name in values:
        if name not in template.variables:
            raise InvalidRequestError(f"the template has no variable ${name}{nearest(name, template.variables)}")
    known = {**template.defaults, **values, INPUT: question}
    if missing := [name for name in template.variables if name not in known]:
        wanted = " ".join(f"-p {name} VALUE" for name in missing)
        raise InvalidRequestError(f"the template needs values: {wanted}")
    prompt = Pattern(template.prompt).substitute(known)
    below = [] if asks_in(template.prompt) else [question]
    return Filled(
        Pattern(template.system).substitute(known), "\n\n".join(text for text in (prompt, *below) if text.strip())
    )
