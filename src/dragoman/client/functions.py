"""Python functions as tools that a model may call: their schema by their hints and docstring, and one call of them."""

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Union, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, Meta, UnsetType

from dragoman.client import docstrings
from dragoman.client.pydantic_types import adapted, bare, is_field, is_own
from dragoman.client.shapes import Shape, is_object, to_json
from dragoman.errors import InvalidRequestError
from dragoman.loop.own_thread import in_own_thread
from dragoman.protocols.tools.schema.closed import Closer
from dragoman.protocols.tools.schema.keywords import mapped
from dragoman.providers.own_media import read_media
from dragoman.types import Audio, File, Image, ResultParts, Text, Tool, Unknown

Function = Callable[..., Any]
"""A function with types, or a coroutine function."""

PARTS = (Text, Image, Audio, File, Unknown)
"""What a function may return as it is to be shown to the model."""

ABOUT = frozenset({"title", "description"})
"""Words of a schema that a tool has itself."""

Kind = inspect.Parameter
ANY_NUMBER = frozenset({Kind.VAR_POSITIONAL, Kind.VAR_KEYWORD})


class FunctionTool:
    """A function, and the Tool that tells a model of it. To call it calls the function."""

    def __init__(
        self,
        function: Function,
        *,
        name: str | None = None,
        description: str | None = None,
        strict: bool | None = None,
    ) -> None:
        if not callable(function):
            raise TypeError(f"expected a function, got {type(function).__name__}")
        self.function = function
        words, about = _docstrings(function)
        own = name or getattr(function, "__name__", "")  # a partial has none
        if not own or own == "<lambda>":
            raise TypeError("expected a function with a name, or function_tool(function, name=…)")
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{own}: expected a function that returns what the model is told, got a generator")
        # A class of pydantic has a schema itself, and is made of all its fields at once.
        self._parameters = None if is_own(function) else _parameters(function, own)
        try:
            wanted = function if self._parameters is None else _struct(own, function, self._parameters, about)
            self._shape: Shape[Any] = Shape(wanted)  # type: ignore[arg-type]  # a class
        except (TypeError, NameError) as exc:
            raise TypeError(f"{own}: expected types that JSON can express: {exc}") from exc
        if not is_object(self._shape.schema):
            raise TypeError(f"{own}: expected parameters by name, got a class of one value")
        schema = {key: value for key, value in self._shape.schema.items() if key not in ABOUT}
        if self._parameters is None:
            schema["properties"] = _described(schema.get("properties", {}), about)
        if strict:
            schema = _all_required(Closer().closed(schema))
        self.tool = Tool(own, description or words or None, schema, strict)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.tool.name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    async def call(self, arguments: str) -> ResultParts:
        """What the function returns for `arguments`, JSON text, as parts for the model.

        A function that is no coroutine function runs in a thread of its own. Raises InvalidRequestError if the
        arguments do not fit, and what the function raises.
        """
        if not isinstance(arguments, str):
            raise TypeError(f"arguments: expected the text `arguments` of a call, got {type(arguments).__name__}")
        given = self._shape.read(arguments.strip() or "{}")
        if self._parameters is None:
            return result_parts(given)
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for parameter in self._parameters:
            value = bare(getattr(given, parameter.name))
            if value is UNSET:
                continue
            if parameter.kind is Kind.POSITIONAL_ONLY:
                args.append(value)
            else:
                kwargs[parameter.name] = value
        if inspect.iscoroutinefunction(self.function):
            return result_parts(await self.function(*args, **kwargs))
        returned = await in_own_thread(self.function, *args, **kwargs)
        return result_parts(await returned if inspect.isawaitable(returned) else returned)


def function_tool(
    function: Function, *, name: str | None = None, description: str | None = None, strict: bool | None = None
) -> FunctionTool:
    """`function` as a tool: its name, its docstring and its hints tell a model of it, unless they are given here.

    `strict`: services that can see to it that arguments fit do so; its objects then have no properties but their own,
    and a model has to give each of them, also one with a default.

    Descriptions of parameters are taken from the docstring (`Args:`), from `Annotated[int, "words"]` or from msgspec's
    Meta. Raises TypeError if a parameter has a type that JSON cannot express, or stands for any number of arguments.
    """
    return FunctionTool(function, name=name, description=description, strict=strict)


def result_parts(value: object) -> ResultParts:
    """What a function returned, for the model: parts and text as they are, all else as JSON.

    Raises TypeError, InvalidRequestError for a picture that is no base64, and UnicodeEncodeError for half a character,
    as in a file's name that is no UTF-8.
    """
    parts = read_media(_parts(value), "result")
    for part in parts:
        if isinstance(part, Text):
            part.text.encode()
    return parts


def _parts(value: object) -> ResultParts:
    match value:
        case str():
            return (Text(text=value),)
        case Text() | Image() | Audio() | File() | Unknown():
            return (value,)
        case list() | tuple() if _has_parts(value):
            return tuple(Text(text=each) if isinstance(each, str) else each for each in value)
        case _:
            return (Text(text=to_json(value)),)


def _has_parts(values: Sequence[object]) -> bool:
    """Whether these are parts, with texts among them or not; texts alone are a list, as JSON."""
    return all(isinstance(each, (*PARTS, str)) for each in values) and any(isinstance(each, PARTS) for each in values)


def _parameters(function: Function, name: str) -> list[Kind]:
    # What a partial has bound is not the model's to choose, by position or by name.
    bound = function.keywords if isinstance(function, partial) else {}
    try:
        signature = inspect.signature(function)
    except (ValueError, NameError) as exc:
        raise TypeError(f"{name}: expected a function with a signature: {exc}") from exc
    found = [each for each in signature.parameters.values() if each.name not in bound]
    for parameter in found:
        if parameter.kind in ANY_NUMBER:
            raise TypeError(f"{name}: expected parameters by name, got {parameter}")
        if is_field(parameter.default):
            raise TypeError(f"{name}: expected Annotated[…, Field(…)], got Field(…) as the default of {parameter.name}")
    return found


def _struct(name: str, function: Function, parameters: list[Kind], words: dict[str, str]) -> type[msgspec.Struct]:
    """A struct of the parameters. One with a default may be left out, and then the function's own default holds."""
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    hints = _hints(function)
    for parameter in parameters:
        kind = hints.get(parameter.name, Any)
        about = _annotated_words(kind) or words.get(parameter.name, "")
        kind = adapted(kind)
        # What may be left out is a union, in which msgspec looks for no description: it stands around that.
        wanted = kind if parameter.default is Kind.empty else Union[kind, UnsetType]  # noqa: UP007  # a hint of any form
        if about:
            wanted = Annotated[wanted, Meta(description=about)]
        named = (parameter.name, wanted)
        fields.append(named if parameter.default is Kind.empty else (*named, UNSET))
    return msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True)


def _described(properties: dict[str, Any], words: dict[str, str]) -> dict[str, Any]:
    """`properties`; one without a description gets that of the docstring. `words`: these descriptions, by name."""
    return {name: {"description": words[name], **each} if name in words else each for name, each in properties.items()}


def _annotated_words(kind: Any) -> str:
    """The description that a hint has itself: text in Annotated, or of msgspec's Meta."""
    if get_origin(kind) is not Annotated:
        return ""
    for about in kind.__metadata__:
        if isinstance(about, str):
            return about
        if (isinstance(about, Meta) or is_field(about)) and about.description:
            return str(about.description)
    return ""


def _all_required(schema: Any) -> Any:
    """`schema` with all properties of its objects required: OpenAI refuses a strict one with others.

    https://platform.openai.com/docs/guides/structured-outputs#all-fields-must-be-required
    """
    if not isinstance(schema, dict):
        return schema
    found = {name: mapped(name, value, _all_required) for name, value in schema.items()}
    return {**found, "required": [*found["properties"]]} if "properties" in found else found


def _docstrings(function: Function) -> tuple[str, dict[str, str]]:
    """What its docstring says: a description, and words for each parameter. That of an object that can be called is its
    class', and that of its way of being called."""
    asked = _unbound(function)
    if isinstance(asked, type):
        return docstrings.read(asked.__doc__)  # those of its bases are of other things
    words, about = docstrings.read(inspect.getdoc(asked))
    if inspect.isroutine(asked):
        return words, about
    called, more = docstrings.read(inspect.getdoc(type(asked).__call__))
    return words or called, more | about


def _unbound(function: Function) -> Function:
    """The function that a partial calls: its own docstring is that of every partial."""
    return function.func if isinstance(function, partial) else function


def _hints(function: Function) -> dict[str, Any]:
    """The types of the parameters; for a class those of its fields, for an object that can be called, those of its way
    of being called."""
    asked = _unbound(function)
    if isinstance(asked, type):
        return get_type_hints(asked, include_extras=True) | get_type_hints(asked.__init__, include_extras=True)  # type: ignore[misc]  # its own
    if not inspect.isroutine(asked):
        asked = type(asked).__call__
    return get_type_hints(asked, include_extras=True)


def tools_of(tools: object) -> tuple[list[Any], dict[str, FunctionTool]]:
    """The tools to send, functions among them as Tool values, and the functions by name.

    Raises InvalidRequestError if two functions have one name, TypeError for a function that cannot be a tool.
    """
    sent: list[Any] = []
    functions: dict[str, FunctionTool] = {}
    for i, tool in enumerate(tools if isinstance(tools, list | tuple) else ()):
        if callable(tool):
            try:
                made = tool if isinstance(tool, FunctionTool) else FunctionTool(tool)
            except TypeError as exc:
                raise TypeError(f"tools[{i}]: {exc}") from exc
            if made.tool.name in functions:
                raise InvalidRequestError(f"tools[{i}]: expected another name, since {made.tool.name!r} is taken")
            functions[made.tool.name] = made
            sent.append(made.tool)
        else:
            sent.append(tool)
    for i, tool in enumerate(sent):
        if isinstance(tool, Tool) and tool.name in functions and tool is not functions[tool.name].tool:
            raise InvalidRequestError(f"tools[{i}]: expected another name, since {tool.name!r} is that of a function")
    return sent, functions
