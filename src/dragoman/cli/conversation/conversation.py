"""A conversation that can be kept in a file: a model, a system message, and turns. Knows no terminal."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from dragoman.cli.conversation.record import Record
from dragoman.errors import InvalidRequestError
from dragoman.protocols.openai_chat import decode_messages, encode_messages
from dragoman.providers.request import build_request, check_names
from dragoman.types import ChatRequest, Message, Reasoning, Refusal, Text, assistant, system
from dragoman.wire.json import NOT_STRICT, encode_loosely

NONE: Mapping[str, Any] = MappingProxyType({})

ELSEWHERE: dict[str, str] = {
    "model": "`-m` and /model name it",
    "max_turns": "`--max-turns` is for that",
    "functions": "`--tool` names them",
    "stream": "`ask --no-stream` is for that",
    "store": "it goes into `extra_body`",
    "fallbacks": "a route of the configuration has several targets",
    **dict.fromkeys(("system", "system_prompt", "instructions"), "`-s` and /system are for that"),
    **dict.fromkeys(("schema", "output", "response_model"), "`ask --schema` is for that"),
    **dict.fromkeys(
        ("api_key", "key", "base_url", "api_base", "proxy", "headers", "extra_headers", "timeout"),
        "it stands with its service in the configuration",
    ),
}
"""What the commands have in place of options that there are not."""

MARK = {"dragoman": {"partial": True}}
"""The mark of a message that broke off or was stopped."""


class Saved(Struct):
    """A file's content. `messages`: OpenAI's, with `partial` on those that are not complete."""

    model: str
    messages: list[dict[str, Any]] = field(default_factory=list)


class Conversation:
    """What was said so far, and to whom."""

    def __init__(self, model: str, system_text: str | None = None) -> None:
        self.model = model
        self.system_text = system_text
        self.messages: list[Message] = []

    def request(self, question: Message, options: Mapping[str, Any] = NONE) -> ChatRequest:
        """The conversation with one more question.

        `options`: those of `Client.chat`. Raises InvalidRequestError for an unknown or wrong one.
        """
        messages = (*self._opening(), *self.messages, question)
        if not options:
            return ChatRequest(model=self.model, messages=messages)
        try:
            check_names(options, elsewhere=ELSEWHERE)
        except TypeError as exc:
            raise InvalidRequestError(str(exc)) from exc
        return build_request(self.model, messages, options)

    def keep(self, question: Message, record: Record) -> bool:
        """Adds a turn; False if there was no text of an answer: then the question is not kept either.

        An answer that is not complete is kept with a mark, so that the model can be asked to go on. Before the last
        answer of a run stand those that called tools, as they came, and the results.
        """
        whole, answer, before = record.whole, record.response(), record.run
        if whole and before:
            if before[-1].role == "tool":
                return False  # the answer to the results has not begun
            before = before[:-1]
        # Thinking, and calls that nobody has run, are not for a later turn.
        text = "".join(part.text for part in answer.parts if isinstance(part, Text | Refusal))
        if not text:
            return False
        said = assistant(text)
        self.messages += [question, *before, said if whole else replace(said, extra=MARK)]
        return True

    def take_back(self, question: Message) -> None:
        """Forgets the newest turn if it began with `question`."""
        for i in reversed(range(len(self.messages))):
            if self.messages[i].role == "user":
                if self.messages[i] is question:
                    del self.messages[i:]
                return

    def last_question(self) -> Message | None:
        """The newest question; None if there is none."""
        return next((message for message in reversed(self.messages) if message.role == "user"), None)

    def last_answer(self) -> str | None:
        """The text of the newest answer, as it came; None if there is none."""
        answers = [message for message in self.messages if message.role == "assistant"]
        return "".join(part.text for part in answers[-1].parts if isinstance(part, Text | Refusal)) if answers else None

    def reset(self) -> None:
        """Forgets the messages; model and system message stay."""
        self.messages.clear()

    def saved(self) -> Saved:
        """The conversation as a file has it."""
        said = [each for message in (*self._opening(), *self.messages) for each in _said(message)]
        return Saved(model=self.model, messages=said)

    def save(self) -> bytes:
        """The same as JSON."""
        return msgspec.json.format(encode_loosely(self.saved()), indent=2) + b"\n"

    def load(self, data: bytes) -> None:
        """Becomes the conversation of a file. If the file has none, raises InvalidRequestError and changes nothing."""
        try:
            saved = msgspec.json.decode(data, type=Saved)
        except NOT_STRICT as exc:
            raise InvalidRequestError(f"expected a saved conversation, got: {exc}") from exc
        partial = [bool(said.pop("partial", False)) for said in saved.messages]
        messages = [
            replace(message, extra=MARK) if is_partial else message
            for message, is_partial in zip(decode_messages(saved.messages), partial, strict=True)
        ]
        first = messages[0] if messages else None
        opening = first is not None and first.role == "system" and first == system(first.text)
        self.model = saved.model
        self.system_text = first.text if first is not None and opening else None
        self.messages = messages[1:] if opening else messages

    def _opening(self) -> tuple[Message, ...]:
        return (system(self.system_text),) if self.system_text else ()


def is_saved(data: bytes) -> bool:
    """Whether `data` is what `save` writes, and no other JSON that `load` would take too."""
    try:
        found = msgspec.json.decode(data)
    except NOT_STRICT:
        return False
    return isinstance(found, dict) and set(found) == set(Saved.__struct_fields__)


def _said(message: Message) -> list[dict[str, Any]]:
    spoken = tuple(part for part in message.parts if not isinstance(part, Reasoning))
    encoded = encode_messages([replace(message, parts=spoken)])
    return [said | {"partial": True} for said in encoded] if message.extra == MARK else encoded
