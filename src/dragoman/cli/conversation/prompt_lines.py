"""Messages edited on a terminal: several lines, history and its search, completion, paste. Needs prompt_toolkit."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from prompt_toolkit import PromptSession
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, get_common_complete_suffix
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import has_focus
from prompt_toolkit.history import History as PromptHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style

from dragoman.cli.conversation.history import History, history_path
from dragoman.cli.conversation.line_input import Lines, more, prompt
from dragoman.cli.terminal.output import tell

Words = Callable[[str], Iterable[str]]
"""What the text so far may be in the end."""


class PromptLines(Lines):
    """A prompt in the loop of `runner`, so that what the client has open is looked after meanwhile.

    Enter sends; Alt-Enter, or a backslash at a line's end, begins another line. What is typed while an answer comes is
    there at the next prompt. `save`: whether what is typed is written to the file of the history.
    """

    def __init__(self, runner: asyncio.Runner, words: Words, *, save: bool = True) -> None:
        self._runner = runner
        self._history = FileHistory(save=save)
        plain = bool(os.environ.get("NO_COLOR"))
        completer = _WordCompleter(words)
        self._session: PromptSession[str] = PromptSession(
            [("class:prompt", prompt())],
            multiline=True,
            prompt_continuation=_continuation,
            history=self._history,
            completer=completer,
            complete_while_typing=False,
            key_bindings=_keys(completer),
            enable_suspend=True,
            style=Style([("prompt", "" if plain else "bold")]),
            color_depth=ColorDepth.MONOCHROME if plain else None,  # a prompt that is left is drawn in grey otherwise
            output=_output(),
        )

    def read(self) -> str | None:
        try:
            return self._runner.run(self._read())
        except EOFError:
            return None
        finally:
            self._history.tell_flaw()

    def remember(self, text: str) -> None:
        self._history.append_string(text)
        self._history.tell_flaw()

    async def _read(self) -> str:
        with self._resuming():
            return await self._session.prompt_async()

    @contextmanager
    def _resuming(self) -> Iterator[None]:
        """Within it the prompt is drawn again when the program comes back, by `fg` or from a debugger."""
        if sys.platform == "win32":  # no program is suspended there
            yield
            return
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCONT, self._redraw)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGCONT)

    def _redraw(self) -> None:
        app = self._session.app
        # Other programs have changed the terminal's mode; that from before the prompt is still known to the prompt.
        app.input.raw_mode().__enter__()
        app.output.write_raw("\r")
        app.renderer.reset()
        app.invalidate()


def _continuation(width: int, _: int, wrapped: int) -> str:
    """Before a further line of a message, or a further row of a line."""
    return " " * width if wrapped else more()


class _Screen(Vt100_Output):
    """A terminal whose cursor's position is not asked for. Over a slow line its reply would be read as typed text."""

    @property
    def responds_to_cpr(self) -> bool:
        return False


def _output() -> Output | None:
    """Where the prompt is drawn; None for the library's own choice."""
    if sys.platform == "win32":
        return None
    return _Screen.from_pty(sys.stdout, term=os.environ.get("TERM"))


class FileHistory(PromptHistory):
    """The history of prompts, in its file. If the file fails, the user is told once, before the next prompt, and it is
    used no more. Without `save` it is read, and nothing is written."""

    def __init__(self, *, save: bool = True) -> None:
        super().__init__()
        self._save = save
        self._file: History | None = History(history_path())
        self._flaw = ""

    def load_history_strings(self) -> Iterable[str]:
        try:
            return reversed(self._file.entries()) if self._file is not None else ()
        except OSError as exc:
            self._do_without("not readable", exc)
            return ()

    def store_string(self, string: str) -> None:
        if self._file is None or not self._save or not string.strip():
            return
        try:
            self._file.add(string)
        except OSError as exc:
            self._do_without("not kept", exc)

    def tell_flaw(self) -> None:
        """Says what is wrong with the file, if that was not said yet."""
        flaw, self._flaw = self._flaw, ""
        if flaw:
            tell(flaw)

    def _do_without(self, lack: str, error: OSError) -> None:
        path = self._file.path if self._file is not None else ""
        self._file, self._flaw = None, f"the history is {lack}: {error.strerror}: {path}"


class _WordCompleter(Completer):
    """Completes the whole line: names of models have most of the characters that would separate words."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        begun = document.text_before_cursor
        begin = begun.rfind(" ") + 1
        for word in self._words(begun):
            if word.startswith(begun):
                # A menu shows the last word alone.
                yield Completion(word[begin:], start_position=begin - len(begun))


def _keys(completer: Completer) -> KeyBindings:
    keys = KeyBindings()
    typing = has_focus(DEFAULT_BUFFER)

    @keys.add("enter", filter=typing)
    def enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.is_cursor_at_the_end and _goes_on(buffer.text):
            buffer.delete_before_cursor()
            buffer.newline(copy_margin=False)
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter", filter=typing)
    def alt_enter(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    @keys.add("tab", filter=typing)
    def tab(event: KeyPressEvent) -> None:
        _complete(event.current_buffer, completer)

    @keys.add("c-c", filter=typing)
    @keys.add("<sigint>")
    def interrupt(event: KeyPressEvent) -> None:
        # The library's own binding fails if the signal comes in the moment after a line was taken.
        if event.app.is_running and not event.app.is_done:
            event.app.exit(exception=KeyboardInterrupt, style="class:aborting")

    return keys


def _complete(buffer: Buffer, completer: Completer) -> None:
    """Goes on as far as all words agree; then a menu shows them."""
    if buffer.complete_state:
        buffer.complete_next()
        return
    found = list(completer.get_completions(buffer.document, CompleteEvent(completion_requested=True)))
    if agreed := get_common_complete_suffix(buffer.document, found):
        buffer.insert_text(agreed)
    elif len(found) > 1:
        buffer.start_completion()


def _goes_on(text: str) -> bool:
    """Whether a text ends with an odd number of backslashes: two of them mean a backslash in the text."""
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1
