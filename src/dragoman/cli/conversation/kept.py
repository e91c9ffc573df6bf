"""Saves conversations to the user's file after each answer. If the file fails, the user is told once, and no more."""

import os
from pathlib import Path
from time import time
from typing import TYPE_CHECKING

from dragoman.cli.conversation.conversation import Conversation
from dragoman.cli.terminal.output import complain
from dragoman.config import CliConfig
from dragoman.config.folders import DATA, user_folder
from dragoman.errors import InvalidRequestError, StoreError
from dragoman.types import Message, Usage

if TYPE_CHECKING:
    from dragoman.store.conversations import Conversations, KeptTalk, Revision

NAME = "conversations.db"
LISTS = "`dragoman history` lists those that are kept"


class Keeper:
    """Keeps one conversation after the other. `save`: whether that is wanted in this run; None: as it is configured."""

    def __init__(self, config: CliConfig, save: bool | None = None) -> None:
        self._config = config
        self._save = config.save if save is None else save
        self.resumed = ""
        """What this run goes on with, in words; empty if it began anew."""
        self._revision: Revision | None = None
        self._written: tuple[Message, ...] = ()

    @property
    def saves(self) -> bool:
        """Whether conversations are written to the file."""
        return self._save

    def begin(self, model: str, system: str | None, id_: int | None, *, go_on: bool, default: str) -> Conversation:
        """A new conversation; with `go_on` the last one, or the one with the number `id_`.

        `model` and `system` replace what it has; `default`: the model of a new one without `model`. Raises as `resume`.
        """
        if id_ is None and not go_on:
            return Conversation(model or default, system)
        talk = self.resume(id_)
        talk.model, talk.system_text = model or talk.model, system or talk.system_text
        return talk

    def resume(self, id_: int | None = None) -> Conversation:
        """The conversation with this number, or the last one, with which this one goes on.

        Raises StoreError, and InvalidRequestError if there is none.
        """
        path = kept_path(self._config)
        if not path.exists():
            raise InvalidRequestError("no conversation is kept yet")
        store = open_kept(path)
        try:
            found = store.last() if id_ is None else store.get(id_)
        finally:
            store.close()
        if found is None:
            wanted = "there is no conversation" if id_ is None else f"there is no conversation {id_}"
            raise InvalidRequestError(f"{wanted}; {LISTS}")
        self._revision, self._written = found.revision, found.talk.messages
        self.resumed = f"conversation {found.revision.id}, {len(self._written)} messages: {found.title}"
        return conversation(found)

    def keep(self, talk: Conversation, usage: Usage | None) -> int | None:
        """Writes what is new of `talk`; its number, None if it is not kept. `usage`: what the newest answer cost.

        A failure is told on stderr, and nothing more is kept in this run.
        """
        if not self._save or not talk.messages:
            return None
        try:
            self._write(talk, usage)
        except StoreError as exc:
            complain(f"the conversation is not kept: {exc.message}")
            self._save = False
            return None
        return self._revision.id if self._revision else None

    def begin_anew(self) -> None:
        """What comes next is another conversation."""
        self._revision, self._written = None, ()

    def _write(self, talk: Conversation, usage: Usage | None) -> None:
        from dragoman.store.conversations import Talk

        messages = tuple(talk.messages)
        unchanged = 0
        for old, new in zip(self._written, messages, strict=False):
            if old is not new:
                break
            unchanged += 1
        kept = Talk(model=talk.model, system=talk.system_text, messages=messages, usage=usage)
        store = open_kept(kept_path(self._config))
        try:
            self._revision = store.write(kept, time(), self._revision, unchanged)
        finally:
            store.close()
        self._written = messages


def kept_path(config: CliConfig) -> Path:
    """The path of the file of conversations. Raises StoreError if neither a setting nor a home folder gives one."""
    if config.conversations is not None:
        return Path(config.conversations)
    folder = user_folder(DATA, os.environ)
    if folder is None:
        raise StoreError("expected HOME or XDG_DATA_HOME to be set, or a file in cli.conversations")
    return folder / NAME


def open_kept(path: Path) -> "Conversations":
    """The file. Raises StoreError."""
    # SQLite is loaded here, because it takes some milliseconds, and most commands need none.
    from dragoman.store.conversations import Conversations

    return Conversations(path)


def conversation(found: "KeptTalk") -> Conversation:
    """A conversation of the file, to go on with."""
    talk = Conversation(found.talk.model, found.talk.system)
    talk.messages = list(found.talk.messages)
    return talk
