"""A case's file: a title, some prose, and fenced blocks that say their role. Knows no kind of case."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

ROOT = Path(__file__).parent

FENCE = re.compile(r"(`{3,})(.*)")
TITLE = re.compile(r"# \S.*\.")
REPEATED = re.compile(rb"\{\{(.+?)\*(\d+)\}\}", re.DOTALL)
"""`{{x*3}}` is `xxx`, so that a long text need not be written out."""
ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|([rnt\\]))")
ESCAPED = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}


class CaseError(Exception):
    """A case's file is not written as README.md says."""


class Block(Struct, frozen=True):
    """The text between two fences. `options` are the words of the fence after the role; a bare word is a name."""

    role: str
    name: str
    options: Mapping[str, str]
    text: str
    line: int

    def escaped(self) -> bytes:
        """The bytes that the text stands for: its line breaks count for nothing, its escapes for what they are."""
        joined = self.text.replace("\n", "").encode()
        return repeated(ESCAPE.sub(_unescaped, joined))


class Page(Struct, frozen=True):
    """A file."""

    path: Path
    title: str
    blocks: tuple[Block, ...]

    def all(self, role: str) -> tuple[Block, ...]:
        """The blocks of a role."""
        return tuple(block for block in self.blocks if block.role == role)

    def one(self, role: str) -> Block | None:
        """The only block of a role, if there is one. Raises CaseError where there are several."""
        found = self.all(role)
        if len(found) > 1:
            raise self.error(found[1].line, f"expected one block `{role}`, got another")
        return found[0] if found else None

    def table(self, role: str) -> dict[str, Any]:
        """The TOML of the only block of a role. Raises CaseError where there is none, or nothing in it."""
        block = self.one(role)
        table = tomllib.loads(block.text) if block else {}
        if not table:
            raise self.error(block.line if block else 1, f"expected something in a block `{role}`, got nothing")
        return table

    def error(self, line: int, message: str) -> CaseError:
        """`message` about a line of the file."""
        return CaseError(f"{self.path.parent.name}/{self.path.name}:{line}: {message}")


Roles = Mapping[str, frozenset[str]]
"""Language and role of a block, and the options that it may have; `name` among them: it may have a name."""


def cases(kind: str) -> list[Path]:
    """The files of a kind. Raises CaseError where there is none, so that no test runs over nothing."""
    found = sorted((ROOT / kind).glob("*.md"))
    if not found:
        raise CaseError(f"expected cases in {kind}/, got none")
    return found


def read(path: Path, roles: Roles) -> Page:
    """A case. Raises CaseError for what README.md does not know."""
    lines = path.read_text("utf-8").split("\n")
    page = Page(path, lines[0], tuple(_blocks(path, lines, roles)))
    first = page.blocks[0].line if page.blocks else len(lines)
    if not TITLE.fullmatch(page.title):
        raise page.error(1, "expected a title that is a sentence, as in `# The last reason to stop holds.`")
    if not any(lines[1 : first - 1]):
        raise page.error(2, "expected some prose under the title: what services do this, and what must come out")
    return page


def _blocks(path: Path, lines: list[str], roles: Roles) -> list[Block]:
    blank = Page(path, "", ())
    blocks: list[Block] = []
    fence, begun = "", 0
    for number, line in enumerate(lines, 1):
        if fence and line == fence:
            info = FENCE.fullmatch(lines[begun - 1])
            assert info is not None
            text = "".join(f"{kept}\n" for kept in lines[begun : number - 1])
            blocks.append(_block(blank, info[2], text, begun, roles))
            fence = ""
        elif not fence and (found := FENCE.fullmatch(line)):
            fence, begun = found[1], number
    if fence:
        raise blank.error(begun, "expected an end of this block, got none")
    return blocks


def _block(page: Page, info: str, text: str, line: int, roles: Roles) -> Block:
    words = info.split()
    role = next((role for role in roles if words[: len(role.split())] == role.split()), None)
    if role is None:
        raise page.error(line, f"expected a block of {', '.join(roles)}, got `{info}`")
    options: dict[str, str] = {}
    for word in words[len(role.split()) :]:
        key, equals, value = word.partition("=")
        if not equals:
            key, value = ("escapes", "yes") if word == "escapes" else ("name", word)
        if key not in roles[role] or key in options:
            raise page.error(line, f"expected of `{role}` one of {', '.join(sorted(roles[role]))}, got `{word}`")
        options[key] = value
    return Block(role, options.pop("name", ""), options, text, line)


def repeated(data: bytes) -> bytes:
    """`data` with each `{{x*3}}` written out."""
    return REPEATED.sub(lambda found: found[1] * int(found[2]), data)


def _unescaped(found: re.Match[bytes]) -> bytes:
    return bytes.fromhex(found[1].decode()) if found[1] else ESCAPED[found[2]]
