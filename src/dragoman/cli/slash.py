"""What may be said to the program in a conversation, instead of to the model: lines that begin with `/`."""

from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from dragoman.cli import files
from dragoman.cli.conversation import Conversation
from dragoman.cli.output import tell
from dragoman.client import Client
from dragoman.errors import InvalidRequestError, ModelNotFoundError, nearest


class Desk(Struct):
    """What commands work on. `leaving`: the conversation is to end."""

    client: Client
    conversation: Conversation
    leaving: bool = False


class Command(Struct, frozen=True):
    """A command, the word for its argument, and what it does."""

    argument: str
    help: str
    run: Callable[[Desk, str], None]


def run_command(desk: Desk, line: str) -> None:
    """Does what `line` says. Raises InvalidRequestError, for an unknown command with the nearest known one."""
    name, _, argument = line.strip().partition(" ")
    command = COMMANDS.get(name)
    if command is None:
        hint = nearest(name, COMMANDS)
        raise InvalidRequestError(f"there is no command {name}{hint} (a message that begins with / is written with //)")
    argument = argument.strip()
    if argument and not command.argument:
        raise InvalidRequestError(f"{name} takes no argument")
    command.run(desk, argument)


def completions(desk: Desk, line: str) -> Iterator[str]:
    """What a line that begins with `/` may go on with."""
    if line.startswith("/model "):
        yield from (f"/model {name}" for name in desk.client.models())
    elif line.startswith("/"):
        yield from (f"{name} " if command.argument else name for name, command in COMMANDS.items())


def _model(desk: Desk, name: str) -> None:
    if name:
        check_model(desk.client, name)
        desk.conversation.model = name
    tell(f"model: {desk.conversation.model}")


def check_model(client: Client, name: str) -> None:
    """Raises ModelNotFoundError where no service is called so; a service's own models only it knows."""
    known = client.models()
    prefix, slash, _ = name.partition("/")
    if name not in known and not (slash and prefix in client.providers):
        raise ModelNotFoundError(f"there is no model {name!r}{nearest(name, known)}")


def _system(desk: Desk, text: str) -> None:
    if text:
        desk.conversation.system_text = None if text == "-" else text
    tell(f"system: {desk.conversation.system_text or '(none)'}")


def _save(desk: Desk, name: str) -> None:
    files.write(_path(name), desk.conversation.save())
    tell(f"saved {_count(desk.conversation)} to {name}")


def _load(desk: Desk, name: str) -> None:
    path = _path(name)
    try:
        desk.conversation.load(files.read(path))
    except InvalidRequestError as exc:
        exc.message = exc.message if str(path) in exc.message else f"{path}: {exc.message}"
        raise
    tell(f"loaded {_count(desk.conversation)} from {name}; model: {desk.conversation.model}")


def _path(name: str) -> Path:
    if not name:
        raise InvalidRequestError("expected the name of a file")
    return Path(name)


def _count(conversation: Conversation) -> str:
    count = len(conversation.messages)
    return f"{count} message{'' if count == 1 else 's'}"


def _reset(desk: Desk, _: str) -> None:
    desk.conversation.reset()
    tell("the conversation begins anew")


def _help(_: Desk, __: str) -> None:
    width = max(len(_usage(name, command)) for name, command in COMMANDS.items())
    tell("\n".join(f"{_usage(name, command):{width}}  {command.help}" for name, command in COMMANDS.items()))
    tell(f"{'Ctrl-C':{width}}  stop the answer")


def _usage(name: str, command: Command) -> str:
    return f"{name} {command.argument}".rstrip()


def _exit(desk: Desk, _: str) -> None:
    desk.leaving = True


COMMANDS: dict[str, Command] = {
    "/model": Command("NAME", "talk with another model; without NAME, say which", _model),
    "/system": Command("TEXT", "set the system message; `-` removes it, nothing shows it", _system),
    "/save": Command("FILE", "keep the conversation in a file", _save),
    "/load": Command("FILE", "go on with a conversation from a file", _load),
    "/reset": Command("", "forget what was said; model and system message stay", _reset),
    "/help": Command("", "show this", _help),
    "/exit": Command("", "leave (or Ctrl-D)", _exit),
}
