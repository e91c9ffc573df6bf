"""Calls of functions without arguments. Knows no protocol by name.

Some services send an empty text for them (Kilo-Org/cloud#4753), which is no JSON.
"""

from msgspec.structs import replace

from dragoman.types import ToolCall

NO_ARGUMENTS = "{}"


def with_arguments(call: ToolCall) -> ToolCall:
    """`call` as a service can read it; the same object if it has arguments, or takes any text."""
    return call if call.arguments or call.input_format == "text" else replace(call, arguments=NO_ARGUMENTS)
