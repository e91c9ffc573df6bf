"""Text put on the clipboard: by the terminal itself, and by the platform's own tool."""

import os
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Mapping

from msgspec import Struct

from dragoman.cli.terminal.output import is_able

PATIENCE = 5
"""Seconds for a tool: it gives the text to a running program at once, or there is no such program."""


class ClipboardTool(Struct, frozen=True):
    """A program that reads what is copied. It works if one of the variables in `needs` is set."""

    words: tuple[str, ...]
    needs: tuple[str, ...] = ()


TOOLS = (
    ClipboardTool(("pbcopy",)),
    ClipboardTool(("wl-copy",), ("WAYLAND_DISPLAY",)),
    ClipboardTool(("xclip", "-selection", "clipboard"), ("DISPLAY",)),
    ClipboardTool(("xsel", "--input", "--clipboard"), ("DISPLAY",)),
    ClipboardTool(("clip.exe",), ("WSL_DISTRO_NAME",)),
    ClipboardTool(("termux-clipboard-set",), ("TERMUX_VERSION",)),
)
"""macOS, Wayland, X, Linux on Windows, Android: the first that is installed is used."""


def copy(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """Copies; returns what did it, in a few words, or an empty text if nothing could.

    Both ways are used: over a network only the terminal has the user's clipboard, and not every terminal supports it.
    """
    ways = [way for way in (_tool(text, environment), _terminal(text)) if way]
    return " and ".join(ways)


def _terminal(text: str) -> str:
    # https://invisible-island.net/xterm/ctlseqs/ctlseqs.html: a terminal does not report whether it has copied.
    if not is_able(sys.stdout):
        return ""
    print(f"\x1b]52;c;{b64encode(text.encode()).decode()}\x07", end="", flush=True)
    return "the terminal (OSC 52)"


def _tool(text: str, environment: Mapping[str, str]) -> str:
    for tool in TOOLS:
        path = shutil.which(tool.words[0], path=environment.get("PATH"))
        if path is None or (tool.needs and not any(map(environment.get, tool.needs))):
            continue
        try:
            # The tool gets no outputs of ours: some tools stay in the background, and would keep ours open.
            done = subprocess.run(  # noqa: S603  # one of TOOLS, and the text is no argument
                [path, *tool.words[1:]],
                input=text.encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=PATIENCE,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return tool.words[0]
    return ""
