"""Commands to the program in a conversation: lines that begin with `/`, which do not go to the model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from dragoman.cli import files
from dragoman.cli.attachments import attach
from dragoman.cli.conversation.clipboard import copy
from dragoman.cli.conversation.conversation import Conversation, is_saved
from dragoman.cli.conversation.editor import edit
from dragoman.cli.conversation.fences import blocks
from dragoman.cli.conversation.kept import Keeper
from dragoman.cli.conversation.line_input import typed
from dragoman.cli.settings import check, setting
from dragoman.cli.terminal.output import tell, width
from dragoman.cli.terminal.table import explained
from dragoman.cli.tools import load_tools
from dragoman.client import Client
from dragoman.client.attachments import Attachment
from dragoman.client.functions import FunctionTool
from dragoman.client.run import MAX_TURNS
from dragoman.error_words import cut, nearest
from dragoman.errors import InvalidRequestError
from dragoman.types import Media, Message
from dragoman.wire.json import encode_loosely


class ChatSession(Struct):
    """What commands work on."""

    client: Client
    conversation: Conversation
    keeper: Keeper
    plain: bool = False
    """Answers are shown as they are written, not drawn as Markdown."""
    tools: list[FunctionTool] = field(default_factory=list)
    """What the model may call."""
    max_turns: int = MAX_TURNS
    """The most answers to a question while there are tools."""
    options: dict[str, Any] = field(default_factory=dict)
    """Settings of each request, by the names that `Client.chat` takes."""
    fill: Callable[[str], str] = str
    """Puts what was typed into the template's prompt."""
    message: str = ""
    """A text that goes to the model next, as if it had been typed."""
    again: bool = False
    """The last question goes to the model again."""
    asked: Message | None = None
    """The last question."""
    attached: list[Attachment] = field(default_factory=list)
    """What goes with the next question."""
    leaving: bool = False
    """The conversation has to end."""


class Command(Struct, frozen=True):
    """A command, the word for its argument, and what it does."""

    argument: str
    help: str
    run: Callable[[ChatSession, str], None]


def run_command(desk: ChatSession, line: str) -> None:
    """Does what `line` says. Raises InvalidRequestError, for an unknown command with the nearest known one."""
    name, argument = _first_word(line)
    command = COMMANDS.get(name)
    if command is None:
        hint = f"; did you mean {ELSEWHERE[name]}?" if name in ELSEWHERE else nearest(name, COMMANDS)
        raise InvalidRequestError(f"there is no command {name}{hint} (a message that begins with / is written with //)")
    if argument and not command.argument:
        raise InvalidRequestError(f"{name} takes no argument")
    command.run(desk, argument)


def _first_word(text: str) -> tuple[str, str]:
    """The first word, and what stands after it, in its line or in the next ones."""
    word, *rest = text.split(maxsplit=1) or [""]
    return word, "".join(rest).strip()


def _model(desk: ChatSession, name: str) -> None:
    if name:
        desk.client.handler(name)
        desk.conversation.model = name
    tell(_model_words(desk))


def _model_words(desk: ChatSession) -> str:
    return f"model: {desk.conversation.model or '(none)'}"


def _system(desk: ChatSession, text: str) -> None:
    if text:
        desk.conversation.system_text = None if text == "-" else typed(text)
    tell(f"system: {desk.conversation.system_text or '(none)'}")


def _set(desk: ChatSession, words: str) -> None:
    name, text = _first_word(typed(words))
    if name:
        others = {key: value for key, value in desk.options.items() if key != name}
        value = setting(text) if text else None
        check({**others, name: value}, desk.tools)
        desk.options = others if value is None else {**others, name: value}
    shown = (f"{key} {cut(encode_loosely(value).decode())}" for key, value in desk.options.items())
    tell(f"settings: {', '.join(shown) or '(none)'}")


def _save(desk: ChatSession, name: str) -> None:
    path = _path(name)
    if files.has_content(path) and not is_saved(files.read(path)):
        raise InvalidRequestError(f"{path} is there already, and not from /save: choose another name")
    files.write(path, desk.conversation.save())
    tell(f"saved {_count(desk.conversation)} to {name}")


def _load(desk: ChatSession, name: str) -> None:
    path = _path(name)
    try:
        desk.conversation.load(files.read_text(path))
    except InvalidRequestError as exc:
        exc.message = exc.message if str(path) in exc.message else f"{path}: {exc.message}"
        raise
    desk.asked = desk.conversation.last_question()
    desk.keeper.begin_anew()
    tell(f"loaded {_count(desk.conversation)} from {name}; {_model_words(desk)}")


def _path(name: str) -> Path:
    if not name:
        raise InvalidRequestError("expected the name of a file")
    return Path(name)


def _count(conversation: Conversation) -> str:
    count = len(conversation.messages)
    return f"{count} message{'' if count == 1 else 's'}"


def _raw(desk: ChatSession, _: str) -> None:
    desk.plain = not desk.plain
    tell("answers are shown as they are written" if desk.plain else "answers are drawn as Markdown")


def _copy(desk: ChatSession, which: str) -> None:
    answer = desk.conversation.last_answer()
    if answer is None:
        raise InvalidRequestError("there is no answer to copy")
    text = _block(answer, which) if which else answer
    way = copy(text)
    if not way:
        raise InvalidRequestError("nothing here can copy: neither the terminal nor a program of the system")
    count = len(text)
    tell(f"copied {count} character{'' if count == 1 else 's'} by {way}")


def _block(answer: str, which: str) -> str:
    code = list(blocks(answer))
    if not which.isdecimal() or not 1 <= int(which) <= len(code):
        have = f"{len(code)} block{'' if len(code) == 1 else 's'} of code"
        raise InvalidRequestError(f"expected the number of a block of code, the answer has {have}, got {which!r}")
    return code[int(which) - 1]


def _edit(desk: ChatSession, text: str) -> None:
    desk.message = edit(typed(text))
    if not desk.message.strip():
        raise InvalidRequestError("the message is empty; nothing is sent")
    tell(desk.message)


def _attach(desk: ChatSession, name: str) -> None:
    if name == "-":
        desk.attached.clear()
    elif name:
        desk.attached.append(attach(name))
    kinds = [(part.media_type if isinstance(part, Media) else None) or "text" for part in desk.attached]
    tell(f"goes with the next message: {', '.join(kinds) or 'nothing'}")


def _tools(desk: ChatSession, name: str) -> None:
    if name == "off":
        desk.tools.clear()
    elif name:
        tools = load_tools([name], desk.tools)
        check(desk.options, tools)
        desk.tools = tools
    tell(f"tools: {', '.join(tool.tool.name for tool in desk.tools) or '(none)'}")


def _retry(desk: ChatSession, _: str) -> None:
    if desk.asked is None:
        raise InvalidRequestError("there is no question to ask again")
    desk.again = True


def _reset(desk: ChatSession, _: str) -> None:
    desk.conversation.reset()
    desk.keeper.begin_anew()
    tell("the conversation begins anew")


def _help(_: ChatSession, __: str) -> None:
    rows = {_usage(name, command): command.help for name, command in COMMANDS.items()} | KEYS
    tell(explained(rows, width()))


def _usage(name: str, command: Command) -> str:
    return f"{name} {command.argument}".rstrip()


def _exit(desk: ChatSession, _: str) -> None:
    desk.leaving = True


KEYS = {
    "Alt-Enter": "go on in the next line (or \\ at a line's end)",
    "Ctrl-R": "search the history",
    "Tab": "complete a command, a model or a file",
    "Ctrl-C": "stop the answer",
}

ELSEWHERE = {
    "/?": "/help",
    "/bye": "/exit",
    "/q": "/exit",
    "/quit": "/exit",
    "/clear": "/reset",
    "/new": "/reset",
    "/multi": "/edit",
}
"""Words that other programs have for ours: ollama, llm and coding agents."""

COMMANDS: dict[str, Command] = {
    "/model": Command("NAME", "talk with another model; without NAME, say which", _model),
    "/system": Command("TEXT", "set the system message; `-` removes it, nothing shows it", _system),
    "/set": Command("NAME VALUE", "set temperature, max_tokens …; without VALUE, take it back; alone, show all", _set),
    "/edit": Command("TEXT", "write a message in $VISUAL or $EDITOR, beginning with TEXT", _edit),
    "/attach": Command("FILE", "send a picture, PDF, sound or text with the next message; `-` takes all back", _attach),
    "/tools": Command("NAME", "let the model call MODULE or MODULE:FUNCTION too; `off` removes all tools", _tools),
    "/retry": Command("", "ask the last question again; the new answer takes the place of the old one", _retry),
    "/copy": Command("N", "copy the last answer, or its N-th block of code", _copy),
    "/raw": Command("", "show answers as they are written, or as Markdown again", _raw),
    "/save": Command("FILE", "keep the conversation in a file", _save),
    "/load": Command("FILE", "go on with a conversation from a file", _load),
    "/reset": Command("", "forget what was said; model, system message and settings stay", _reset),
    "/help": Command("", "show this", _help),
    "/exit": Command("", "leave (or Ctrl-D)", _exit),
}
