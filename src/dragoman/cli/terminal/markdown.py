"""Markdown as rows of a terminal. Needs rich; knows no screen.

A row is either flowing text, wrapped and indented as its block wants it, or exact: code, and whatever else is to be
copied as it stands, which gets no margin and no line break of ours, so that the terminal wraps it and joins it again.

No letter is lost: a block of which the drawing would lack a letter (a table's row with too many cells, a table that is
wider than the screen) is drawn as it is written. HTML is text, and so are entities and definitions of links: they are
what a reader of an answer about HTML must see, and nothing here would show what they stand for.
"""

from collections import Counter
from collections.abc import Iterable
from string import punctuation
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from msgspec import Struct
from rich import box
from rich.cells import chop_cells
from rich.console import Console
from rich.segment import Segment
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from dragoman.cli.terminal.output import harmless

THEME = "ansi_dark"
"""Colours of code: the terminal's own, on its own background."""

NARROWEST = 16
"""Columns below which nothing is indented any further: deeper lists would leave no room for words."""

STYLES = {"em": "markdown.em", "strong": "markdown.strong", "s": "markdown.s", "link": "markdown.link"}
"""Inline markup, and rich's names for how it is drawn."""

ALIGN = {"text-align:right": "right", "text-align:center": "center"}
"""A table's cell's style, and rich's word for it; all others are left."""


class Markdown(MarkdownIt):
    """The Markdown of answers: with tables and ~~deletions~~, and without what would hide a word of them."""

    def __init__(self) -> None:
        super().__init__()
        self.enable(["strikethrough", "table"])
        self.disable(["html_block", "html_inline", "entity", "reference"])

    def normalizeLink(self, url: str) -> str:  # noqa: N802  # the parser's own name
        """An address as it is written."""
        return url


class DrawnRow(Struct, frozen=True):
    """One row; `exact`: as it is, however wide."""

    text: Text
    exact: bool = False

    def segments(self, console: Console) -> list[Segment]:
        """What is drawn of it, without spaces at its end."""
        text = self.text.copy()
        if not self.exact:
            text.rstrip()
        return [segment for segment in text.render(console) if segment.text]

    def folded(self, width: int) -> list["DrawnRow"]:
        """Rows no wider than `width`, for a region that is measured in them."""
        text = self.text.copy()
        text.expand_tabs(8)
        marks: list[int] = []
        for piece in chop_cells(text.plain, width)[:-1]:
            marks.append((marks[-1] if marks else 0) + len(piece))
        return [DrawnRow(piece, exact=True) for piece in text.divide(marks)]


def draw(source: str, console: Console) -> list[DrawnRow]:
    """The rows of `source`, which is harmless, at the console's width."""
    return Drawing(console).blocks(source)


class Drawing:
    """Blocks to rows, one kind a method."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._parser = Markdown()

    def blocks(self, source: str) -> list[DrawnRow]:
        """The rows of all blocks, an empty one between two of them."""
        lines = source.split("\n")
        rows: list[DrawnRow] = []
        for node in SyntaxTreeNode(self._parser.parse(source)).children:
            begin, end = node.map or (0, len(lines))
            written = "\n".join(lines[begin:end])
            drawn = self._block(node, self._console.width)
            if _letters([written]) - _letters(row.text.plain for row in drawn):
                drawn = _written(written)
            rows += [DrawnRow(Text()), *drawn] if rows and drawn else drawn
        return rows

    def _stack(self, nodes: Iterable[SyntaxTreeNode], width: int) -> list[DrawnRow]:
        rows: list[DrawnRow] = []
        close = False
        for node in nodes:
            drawn = self._block(node, width)
            # No empty line between a list and the short line above it if the source has none.
            if rows and drawn and not (close and node.type in {"bullet_list", "ordered_list"}):
                rows.append(DrawnRow(Text()))
            rows += drawn
            close = node.type == "paragraph" and node.hidden
        return rows

    def _block(self, node: SyntaxTreeNode, width: int) -> list[DrawnRow]:
        match node.type:
            case "paragraph":
                return self._wrapped(_inline(node), width)
            case "heading":
                text = _inline(node)
                text.stylize_before(f"markdown.{node.tag}")
                return self._wrapped(text, width)
            case "fence" | "code_block":
                return _code(node)
            case "bullet_list" | "ordered_list":
                return self._list(node, width)
            case "blockquote":
                mark = Text.assemble(("▌ ", "markdown.block_quote"))
                return _behind(mark, mark, self._stack(node.children, max(NARROWEST, width - 2)))
            case "hr":
                return [DrawnRow(Text("-" * width, "markdown.hr"))]
            case "table":
                return self._table(node, width)
            case _:
                return _written(node.content)

    def _wrapped(self, text: Text, width: int) -> list[DrawnRow]:
        return [DrawnRow(line) for line in text.wrap(self._console, width)]

    def _list(self, node: SyntaxTreeNode, width: int) -> list[DrawnRow]:
        # Numbers stay what they are written as: a step may be spoken of by its number.
        marks = [f" {item.info}. " if node.type == "ordered_list" else " • " for item in node.children]
        style = "markdown.item.number" if node.type == "ordered_list" else "markdown.item.bullet"
        indent = max(map(len, marks))
        rows: list[DrawnRow] = []
        for mark, item in zip(marks, node.children, strict=True):
            drawn = self._stack(item.children, max(NARROWEST, width - indent))
            if not drawn or drawn[0].exact:
                drawn = [DrawnRow(Text()), *drawn]
            if rows and rows[-1].exact:
                rows.append(DrawnRow(Text()))
            rows += _behind(Text.assemble((mark.rjust(indent), style)), Text(" " * indent), drawn)
        return rows

    def _table(self, node: SyntaxTreeNode, width: int) -> list[DrawnRow]:
        lines = [line for part in node.children for line in part.children]
        table = Table(box=box.SIMPLE, pad_edge=False, collapse_padding=True, style="markdown.table.border")
        for cell in lines[0].children:
            heading = _inline(cell)
            heading.stylize("markdown.table.header")
            align: Any = ALIGN.get(str(cell.attrs.get("style")), "left")
            table.add_column(heading, justify=align, overflow="fold")
        for line in lines[1:]:
            table.add_row(*(_inline(cell) for cell in line.children))
        drawn = self._console.render_lines(table, self._console.options.update(width=width), pad=False)
        rows = [DrawnRow(Text.assemble(*((part.text, part.style or "") for part in line))) for line in drawn]
        full = [place for place, row in enumerate(rows) if row.text.plain.strip()]
        return rows[full[0] : full[-1] + 1] if full else []


def _code(node: SyntaxTreeNode) -> list[DrawnRow]:
    """Code without a margin, below what its fence says of it."""
    info = node.info.strip()
    said = [DrawnRow(Text(info, "dim"))] if info else []
    code = node.content.removesuffix("\n")
    return said + [
        DrawnRow(line, exact=True) for line in _coloured(code, info.partition(" ")[0]).split(allow_blank=True)
    ]


def _coloured(code: str, language: str) -> Text:
    if language:
        coloured = Syntax(code, language, theme=THEME).highlight(code)
        coloured.right_crop(max(0, len(coloured.plain) - len(code)))
        # Colours are for those languages alone whose lexer keeps the text: some expand tabs.
        if coloured.plain == code:
            return coloured
    return Text(code)


def _inline(node: SyntaxTreeNode) -> Text:
    """The words of a block, with their styles."""
    text = Text(overflow="fold")
    for child in node.children:
        _append(text, child, ())
    return text


def _append(text: Text, node: SyntaxTreeNode, styles: tuple[str, ...]) -> None:
    match node.type:
        case "softbreak" | "hardbreak":
            text.append("\n")
        case "code_inline":
            _say(text, node.content, (*styles, "markdown.code"))
        case "image" | "link":
            before = len(text)
            for child in node.children:
                _append(text, child, (*styles, STYLES["link"]))
            address = node.attrs.get("src" if node.type == "image" else "href")
            _address(text, text.plain[before:], address, node.attrs.get("title"))
        case _ if node.children:
            for child in node.children:
                _append(text, child, (*styles, STYLES[node.type]) if node.type in STYLES else styles)
        case _:
            _say(text, node.content, styles)


def _address(text: Text, words: str, address: object, title: object) -> None:
    """A link's address and title, shown after its text, so that the text cannot hide them."""
    said = [str(address)] if address and str(address) not in {words, f"mailto:{words}"} else []
    said += [f'"{title}"'] if title else []
    if said:
        _say(text, " (" if words else "(", ())
        _say(text, " ".join(said), ("markdown.link_url",))
        _say(text, ")", ())


def _say(text: Text, words: str, styles: tuple[str, ...]) -> None:
    begin = len(text)
    # Only the parser undoes some spellings of a control character.
    text.append(harmless(words))
    for style in styles:
        text.stylize(style, begin)


def _behind(first: Text, others: Text, rows: list[DrawnRow]) -> list[DrawnRow]:
    """`rows` after a mark; exact rows stay at the margin."""
    return [row if row.exact else DrawnRow((others if place else first) + row.text) for place, row in enumerate(rows)]


def _written(source: str) -> list[DrawnRow]:
    return [DrawnRow(Text(line), exact=True) for line in harmless(source).strip("\n").split("\n")]


def _letters(texts: Iterable[str]) -> Counter[str]:
    """The characters that are neither spaces nor signs of Markdown, and how often each occurs."""
    return Counter(char for text in texts for char in text if not char.isspace() and char not in punctuation)
