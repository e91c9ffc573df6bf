"""`dragoman templates`, and `dragoman ask` with a template, a form, attachments and settings."""

import io
import json
import struct
import zlib
from pathlib import Path

import pytest

from tests.cli.pty import Terminal
from tests.cli.shell import DONE, SSE, chunk, configure, finish, run, run_beside, start
from tests.support.server import Exchange, Server, serve

ECHO = ("-m", "offline/echo")
FOLDER = Path(".config/dragoman/templates")


def template(home: Path, name: str, text: str) -> None:
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    (home / FOLDER / f"{name}.toml").write_text(text)


async def answer(exchange: Exchange) -> None:
    await exchange.head(headers=SSE)
    await exchange.chunk(chunk('{"name": "Ann"}') + chunk(finish="stop") + DONE)
    await exchange.end()


def sent(server: Server) -> dict[str, object]:
    body: dict[str, object] = json.loads(server.requests[-1].body)
    return body


async def test_a_template_says_what_is_asked_of_whom_and_how(tmp_path: Path) -> None:
    async with serve(answer) as server:
        configure(tmp_path, {"up": server.url})
        template(
            tmp_path,
            "short",
            'system = "Answer in $lang."\nprompt = "Sum up:\\n$input"\nmodel = "up/test"\nschema = "name"\n'
            "[options]\ntemperature = 0.5\n[defaults]\nlang = 'Dutch'\n",
        )
        ran = await run_beside(tmp_path, "ask", "-t", "short", "-p", "lang", "Greek", "-o", "max_tokens", "9", "text")
        assert (ran.code, ran.out) == (0, b'{"name": "Ann"}\n')
        body = sent(server)
    assert body["messages"] == [
        {"role": "system", "content": "Answer in Greek."},
        {"role": "user", "content": "Sum up:\ntext"},
    ]
    assert body["temperature"] == 0.5
    assert 9 in (body.get("max_tokens"), body.get("max_completion_tokens"))
    assert "name" in json.dumps(body["response_format"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-t", "shrt", "x"], "there is no template 'shrt'; did you mean short?"),
        (["-t", "../short", "x"], "expected the name of a template"),
        (["-t", "short"], "the template needs values: -p city VALUE"),
        (["-o", "api_key", "1", "x"], "there is no option 'api_key'; it stands with its service in the configuration"),
        (["-o", "temprature", "1", "x"], "there is no option 'temprature'; did you mean temperature?"),
        (["-o", "temperature", "warm", "x"], "temperature"),
        (["-a", "none.png", "x"], "none.png cannot be read: No such file"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, arguments: list[str], said: str) -> None:
    template(tmp_path, "short", 'prompt = "Weather in $city?"')
    ran = run(tmp_path, "ask", *ECHO, *arguments, stdin=b"x")
    assert (ran.code, ran.out) == (4, b"")
    assert said in ran.err


@pytest.mark.parametrize("arguments", [["-p", "a", "b", "x"], ["-a", "-", "-"], ["-a", "-", "-a", "-", "x"]])
def test_what_does_not_go_together_is_told(tmp_path: Path, arguments: list[str]) -> None:
    assert run(tmp_path, "ask", *ECHO, *arguments).code == 2


def test_a_template_may_ask_alone(tmp_path: Path) -> None:
    template(tmp_path, "joke", 'prompt = "Tell a joke."')
    assert run(tmp_path, "ask", *ECHO, "-t", "joke").out == b"Tell a joke.\n"
    assert run(tmp_path, "ask", *ECHO, "-t", "joke", "about cats").out == b"Tell a joke.\n\nabout cats\n"


def png() -> bytes:
    """A black picture of one dot."""

    def piece(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    out = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    out.seek(0, io.SEEK_END)
    out.write(piece(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)))
    out.write(piece(b"IDAT", zlib.compress(b"\0\0")) + piece(b"IEND", b""))
    return out.getvalue()


async def test_files_go_with_the_question_and_are_remembered(tmp_path: Path) -> None:
    (tmp_path / "dot.txt").write_bytes(png())
    async with serve(answer) as server:
        configure(tmp_path, {"up": server.url})
        process = await start(tmp_path, "ask", "-m", "up/test", "-a", "dot.txt", "-a", "-", "What is this?", stdin=-1)
        assert process.stdin
        process.stdin.write(b"notes")
        process.stdin.close()
        assert (await finish(process)).code == 0
        first = sent(server)
        await run_beside(tmp_path, "ask", "-c", "And now?")
        second = sent(server)
    assert isinstance(first["messages"], list)
    picture, text = first["messages"][0]["content"][0], first["messages"][0]["content"][1:]
    assert picture["image_url"]["url"].startswith("data:image/png;base64,iVBOR")
    assert [part["text"] for part in text] == ["stdin:\n\n```\nnotes\n```\n\nWhat is this?"]
    assert isinstance(second["messages"], list)
    assert second["messages"][0] == first["messages"][0]


def test_templates_are_listed_shown_and_edited(tmp_path: Path) -> None:
    ran = run(tmp_path, "templates")
    assert (ran.code, ran.out) == (0, b"")
    assert f"makes one in {tmp_path / FOLDER}" in ran.err
    editor = {"EDITOR": """sh -c 'printf "prompt = \\"In %s: \\$input\\"\\n" \\$city > "$1"' sh"""}
    ran = run(tmp_path, "templates", "edit", "weather", env=editor)
    assert (ran.code, ran.err) == (0, f"{tmp_path / FOLDER}/weather.toml is written: dragoman ask -t weather …\n")
    template(tmp_path, "bad", "prompt = 1")
    listed = run(tmp_path, "templates").out.decode().splitlines()
    assert listed[0].split() == ["name", "variables", "prompt"]
    assert listed[1].startswith("bad ")
    assert listed[2].split(maxsplit=2) == ["weather", "city", "In $city: $input"]
    assert run(tmp_path, "templates", "show", "weather").out == b'prompt = "In $city: $input"\n'
    assert json.loads(run(tmp_path, "templates", "list", "--json").out)["templates"][1]["variables"] == ["city"]
    assert run(tmp_path, "templates", "show", "none").code == 4


def test_what_is_no_file_is_no_template(tmp_path: Path) -> None:
    template(tmp_path, "short", "")
    (tmp_path / FOLDER / "folder.toml").mkdir()
    (tmp_path / FOLDER / "lost.toml").symlink_to(tmp_path / "none")
    assert run(tmp_path, "templates").out.decode().split()[3:] == ["short"]
    for name in ("folder", "lost"):
        ran = run(tmp_path, "ask", *ECHO, "-t", name, "x")
        assert ran.err.startswith(f"dragoman: there is no template '{name}'; `dragoman templates` lists")


def test_a_template_that_is_wrong_is_written_and_told(tmp_path: Path) -> None:
    ran = run(tmp_path, "templates", "edit", "x", env={"EDITOR": """sh -c 'echo "promt = 1" > "$1"' sh"""})
    assert ran.code == 4
    assert "x.toml: expected a template, got: " in ran.err
    assert (tmp_path / FOLDER / "x.toml").read_text() == "promt = 1\n"


def test_names_of_templates_are_completed(tmp_path: Path) -> None:
    template(tmp_path, "short", 'prompt = "x"')
    env = {"COMP_WORDS": "dragoman ask -t s", "COMP_CWORD": "3", "_DRAGOMAN_COMPLETE": "bash_complete"}
    assert run(tmp_path, env=env).out == b"plain,short\n"


def test_a_terminal_gets_no_control_characters_of_a_template(tmp_path: Path) -> None:
    template(tmp_path, "x", 'prompt = "\\u001b]0;owned\\u0007"')
    with Terminal(tmp_path, "templates") as terminal:
        assert terminal.end() == 0
        assert "\x1b" not in terminal.drawn
