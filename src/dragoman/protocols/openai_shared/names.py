"""The names of tools in OpenAI's protocols."""

from dragoman.protocols.tools.names import NameForm

CHARACTERS = "a-zA-Z0-9_-"

TOOL_NAMES = NameForm(CHARACTERS, CHARACTERS, 64)
"""OpenAI refuses others. Most services with its protocols take any, and lose nothing by these."""
