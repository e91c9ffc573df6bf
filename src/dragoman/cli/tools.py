"""Python functions that the user names as tools: `module`, or `module:function`. Knows no conversation."""

import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import FunctionType, ModuleType

from dragoman.client.functions import Function, FunctionTool
from dragoman.error_words import cut, nearest
from dragoman.errors import InvalidRequestError

EXPECTED = "expected MODULE:FUNCTION or MODULE"
FUNCTIONS = (FunctionType, FunctionTool)


def load_tools(names: Iterable[str], known: Iterable[FunctionTool] = ()) -> list[FunctionTool]:
    """`known`, and the functions that `names` name, each once. Raises InvalidRequestError.

    A module is looked for in the working directory first. Of one that is named alone, all public functions with a
    docstring and types are tools; it is run in any case, as an import does.
    """
    tools = {tool.tool.name: tool for tool in known}
    for name in names:
        for tool in _named(name):
            other = tools.setdefault(tool.tool.name, tool)
            if other.function is not tool.function:
                raise InvalidRequestError(f"{name}: there is a tool {tool.tool.name!r} already, of another function")
    return list(tools.values())


def _named(name: str) -> list[FunctionTool]:
    module_name, colon, function_name = name.partition(":")
    if not all(word.isidentifier() for word in module_name.split(".")) or (colon and not function_name.isidentifier()):
        raise InvalidRequestError(f"{EXPECTED}, got {cut(name)!r}")
    found = vars(_module(module_name))
    if not colon:
        offered = [value for key, value in found.items() if _is_offered(key, value, found)]
        if not offered:
            raise InvalidRequestError(f"{name}: expected public functions with docstrings and types, got none")
        return [_tool(name, value) for value in offered]
    value = found.get(function_name)
    if not callable(value):
        got = "none" if value is None else type(value).__name__
        public = [key for key, value in found.items() if not key.startswith("_") and isinstance(value, FUNCTIONS)]
        hint = nearest(function_name, public)
        raise InvalidRequestError(f"{module_name}: expected a function {function_name!r}, got {got}{hint}")
    return [_tool(name, value)]


def _tool(name: str, function: Function) -> FunctionTool:
    if isinstance(function, FunctionTool):
        return function
    try:
        return FunctionTool(function)
    except (TypeError, ValueError) as exc:  # of some functions in C no signature is known
        raise InvalidRequestError(f"{name}: {exc}") from exc


def _is_offered(key: str, value: object, found: Mapping[str, object]) -> bool:
    """Whether a module that is named alone offers it: functions that it only uses itself are not its tools."""
    if key.startswith("_"):
        return False
    if not isinstance(value, FunctionType):
        return isinstance(value, FunctionTool)
    listed = found.get("__all__")
    own = key in listed if isinstance(listed, list | tuple) else value.__module__ == found["__name__"]
    return own and bool(inspect.getdoc(value)) and _has_types(value)


def _has_types(function: FunctionType) -> bool:
    hints = inspect.get_annotations(function)
    return bool(hints) and all(name in hints for name in inspect.signature(function).parameters)


def _module(name: str) -> ModuleType:
    with _here():
        try:
            return import_module(name)
        except (Exception, SystemExit) as exc:  # a stranger's code, whose failure has a line as any other
            parents = {name[:i] for i, sign in enumerate(f"{name}.") if sign == "."}
            if isinstance(exc, ModuleNotFoundError) and exc.name in parents:
                hint = nearest(name, (each.name for each in iter_modules(_folder())))
                raise InvalidRequestError(f"{EXPECTED}, and there is no module {cut(name)!r}{hint}") from exc
            raise InvalidRequestError(f"{name}: its import failed: {type(exc).__name__}: {cut(str(exc))}") from exc


@contextmanager
def _here() -> Iterator[None]:
    """The working directory is looked in first, and afterwards last: what we or the tools import later is not taken
    from a file there that happens to have the same name."""
    here = _folder()
    sys.path[:0] = here
    try:
        yield
    finally:
        for folder in here:
            sys.path.remove(folder)
            if folder not in sys.path:
                sys.path.append(folder)


def _folder() -> list[str]:
    """The working directory, if there still is one."""
    try:
        return [str(Path.cwd())]
    except FileNotFoundError:
        return []
