"""A conversation, kept in a file and loaded again; and the file itself."""

import json
import os
from pathlib import Path

import pytest

from dragoman.cli import files
from dragoman.cli.conversation.conversation import Conversation
from dragoman.cli.conversation.record import Record
from dragoman.errors import InvalidRequestError
from dragoman.types import (
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    ToolCall,
    user,
)

START: list[StreamEvent] = [ResponseStart(), PartStart(Text(text="")), PartDelta("an answer")]
END: list[StreamEvent] = [PartEnd(), ResponseEnd("stop")]


def record(events: list[StreamEvent]) -> Record:
    kept = Record()
    kept.feed(events)
    return kept


def test_a_saved_conversation_is_the_same_when_loaded() -> None:
    talk = Conversation("up/model", "Be brief.")
    assert talk.keep(user("one"), record(START + END))
    assert talk.keep(user("two"), record(START))
    saved = talk.save()
    again = Conversation("other")
    again.load(saved)
    assert (again.model, again.system_text, again.messages) == (talk.model, talk.system_text, talk.messages)
    assert again.save() == saved
    assert json.loads(saved)["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "an answer"},
        {"role": "user", "content": "two"},
        {"role": "assistant", "content": "an answer", "partial": True},
    ]


def test_half_a_character_is_saved_as_utf8_has_it() -> None:
    talk = Conversation("m")
    assert talk.keep(user("a\ud800b"), record(START + END))
    assert json.loads(talk.save())["messages"][0] == {"role": "user", "content": "a\ufffdb"}


def test_the_mark_of_a_partial_answer_is_not_sent() -> None:
    talk = Conversation("m")
    talk.keep(user("one"), record(START))
    sent = talk.request(user("go on"))
    assert [message.role for message in sent.messages] == ["user", "assistant", "user"]
    assert "openai-chat" not in sent.messages[1].extra


def test_thinking_and_tool_calls_are_not_kept() -> None:
    talk = Conversation("m")
    events: list[StreamEvent] = [
        ResponseStart(),
        PartStart(Reasoning(text="")),
        PartDelta("hm"),
        PartEnd(),
        PartStart(ToolCall(id="1", name="f")),
        PartEnd(),
    ]
    assert not talk.keep(user("one"), record([*events, ResponseEnd("tool_call")]))
    assert not talk.keep(user("one"), Record())
    assert talk.messages == []
    assert talk.keep(user("one"), record([*events, PartStart(Text(text="")), PartDelta("x"), *END]))
    assert [part for message in talk.messages for part in message.parts] == [Text(text="one"), Text(text="x")]


def test_other_programs_conversations_are_taken_over_whole() -> None:
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}]},
        {"role": "assistant", "tool_calls": [_call("a"), _call("b")]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
    ]
    talk = Conversation("m")
    talk.load(json.dumps({"model": "m2", "messages": messages}).encode())
    assert talk.system_text is None
    roles = [message["role"] for message in json.loads(talk.save())["messages"]]
    assert roles == ["user", "assistant", "tool", "tool"]


def _call(id_: str) -> dict[str, object]:
    return {"id": id_, "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"model": 1, "messages": []}',
        b'{"model": "m", "messages": [1]}',
        b'{"model": "m", "messages": [{"role": "nobody", "content": "x"}]}',
        b'{"model": "m", "messages": [{"role": "user", "content": 1}]}',
        b'{"model": "m", "messages": ' + b"[" * 100_000,
    ],
)
def test_what_is_no_conversation_changes_nothing(data: bytes) -> None:
    talk = Conversation("m", "s")
    talk.keep(user("one"), record(START + END))
    before = talk.save()
    with pytest.raises(InvalidRequestError):
        talk.load(data)
    assert talk.save() == before


def test_a_file_is_written_whole_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    files.write(path, b"old")
    files.write(path, b"new")
    assert files.read(path) == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["talk.json"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("talk.json")
    files.write(tmp_path / "link", b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "talk.json").read_bytes() == b"x"


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    files.write(path, b"x")
    assert os.read(reader, 10) == b"x"
    os.close(reader)
    assert path.is_fifo()


def test_an_open_file_is_written_to_by_its_number(tmp_path: Path) -> None:
    with (tmp_path / "log").open("a+b") as log:
        log.write(b"before ")
        log.flush()
        files.write(Path(f"/dev/fd/{log.fileno()}"), b"x")
        log.seek(0)
        assert log.read() == b"before x"


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidRequestError, match=r"folder cannot be written"):
        files.write(tmp_path / "folder", b"x")
    assert os.listdir(tmp_path) == ["folder"]
    with pytest.raises(InvalidRequestError, match=r"none/x cannot be written: No such file"):
        files.write(tmp_path / "none" / "x", b"x")
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        files.read(Path("~nobody-of-that-name/x"))
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        files.read(Path("a\0b"))
