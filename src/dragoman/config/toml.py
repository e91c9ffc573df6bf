"""A TOML file as a dictionary and the line of each key. Knows no setting."""

import re
import tomllib
from pathlib import Path
from typing import Any

from msgspec import Struct

from dragoman.config.lines import lines
from dragoman.config.values import Keys
from dragoman.errors import ConfigurationError, cut

BOM = b"\xef\xbb\xbf"
PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class Document(Struct, frozen=True):
    """What a file says, and where: `label` is its name in messages."""

    label: str
    data: dict[str, Any]
    lines: dict[Keys, int]

    def origins(self) -> dict[Keys, str]:
        """Where each key stands: `dragoman.toml:12`."""
        whole: dict[Keys, str] = {(): self.label} if self.label else {}
        return whole | {keys: f"{self.label}:{line}" for keys, line in self.lines.items()}


def read(path: Path, label: str) -> Document | None:
    """The file at `path`; None where there is none. Raises ConfigurationError: unreadable, not UTF-8, not TOML."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError as exc:
        raise ConfigurationError(f"{label}: expected a file, got a directory") from exc
    except OSError as exc:
        raise ConfigurationError(f"{label}: expected a file that can be read, got: {exc.strerror}") from exc
    except ValueError as exc:
        raise ConfigurationError(f"{cut(label)}: expected the path of a file, got: {exc}") from exc
    return parse(decode(data, label), label)


def decode(data: bytes, label: str) -> str:
    """The text of a file. Raises ConfigurationError where it is not UTF-8, or begins with a byte order mark."""
    if data.startswith(BOM):
        raise ConfigurationError(f"{label}:1: expected UTF-8 without a byte order mark, got one")
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise ConfigurationError(f"{label}:{line}: expected UTF-8, got the byte 0x{data[exc.start]:02x}") from exc


def parse(text: str, label: str) -> Document:
    """What `text` says. Raises ConfigurationError with the line where it is not TOML."""
    try:
        return Document(label, tomllib.loads(text), lines(text))
    except RecursionError as exc:
        raise ConfigurationError(f"{label}: expected TOML, got lists or tables too deep in each other") from exc
    except ValueError as exc:
        message = str(exc)
        place = PLACE.search(message)
        if place is None:
            raise ConfigurationError(f"{label}: expected TOML, got: {cut(message)}") from exc
        line = place[1] or str(text.count("\n") + 1)
        column = f"column {place[2]}: " if place[2] else "end of file: "
        raise ConfigurationError(
            f"{label}:{line}: expected TOML, got at {column}{cut(message[: place.start()])}"
        ) from exc
