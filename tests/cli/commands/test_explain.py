"""`dragoman explain`: a request's way, shown and not gone."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.pty import Terminal
from tests.cli.shell import Ran, run, run_beside
from tests.support.server import Exchange, serve

SETTINGS = """\
[providers.up]
protocol = "openai-chat"
url = "{url}/v1"
api_key = "sk-canary-key"

[providers.home]
type = "aibn"
url = "{url}"
secret = "canary-secret"
password = "canary-password"

[providers.on]
type = "aichatonline"
url = "{url}"

[models.fast]
targets = ["up/gpt-5", "home/x"]

[fronts.aibn]
password = "canary-front"
"""
NOWHERE = "http://127.0.0.1:9"
QUESTION = {"model": "fast", "messages": [{"role": "user", "content": "Who are you?"}], "temperature": 1}
BODY = json.dumps(QUESTION).encode()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a configuration whose services are nowhere."""
    return configured(tmp_path, NOWHERE)


def configured(home: Path, url: str) -> Path:
    path = home / "dragoman.toml"
    path.touch(mode=0o600)
    path.write_text(SETTINGS.replace("{url}", url))
    return home


def told(ran: Ran) -> Any:
    """What `--json` says."""
    assert (ran.code, ran.err) == (0, "")
    return json.loads(ran.out)


RELAYED = """\
caller   openai-chat, /v1/chat/completions
model    fast
route    fast, strategy fallback
target   up/gpt-5 (openai-chat), relayed: the caller's bytes pass as they are
profile  reasoning_returns: false, \
unsupported_fields: 6 of them, \
context: 400000, most_output: 128000, \
efforts: ["minimal","low","medium","high"], call_ids: "short", breakpoints: false, \
schema_limits: ["plain-root","array-items","old-drafts","plain-patterns"], \
format_keywords: 23 of them, format_formats: 9 of them, format_limits: ["plain-patterns"] \
(a relay heeds only what is about settings)

targets
name      protocol     carried
up/gpt-5  openai-chat  relayed
home/x    aibn         translated

request
POST http://127.0.0.1:9/v1/chat/completions
content-type: application/json
accept: application/json
authorization: Bearer ***
x-dragoman-hops: 1

{
  "model": "gpt-5",
  "messages": [
    {
      "role": "user",
      "content": "Who are you?"
    }
  ],
  "temperature": 1
}
"""

ASKED = """\
model   on/x
target  on/x (aichatonline), translated

request, after whose answer the chat request follows
GET http://127.0.0.1:9/api/v1/user/getUniqueId?canvas=-"""


def test_shows_the_way_of_a_request_on_stdin(home: Path) -> None:
    ran = run(home, "explain", stdin=BODY)
    assert (ran.code, ran.err, ran.out.decode()) == (0, "", RELAYED)
    assert run(home, "explain", stdin=b"\xef\xbb\xbf" + BODY).out == ran.out


def test_a_question_is_the_request_that_ask_makes(home: Path) -> None:
    ran = run(home, "explain", "-m", "on/x", "Who", "are you?")
    assert ran.out.decode().startswith(ASKED)
    found = told(run(home, "explain", "-m", "home/x", "--json", "Who", "are you?"))
    assert (found["protocol"], found["carried"]) == (None, "translated")
    body = json.loads(found["request"]["body"])
    assert (body["messages"], body["pass"]) == ([{"role": "user", "content": "Who are you?"}], "***")


async def test_asks_nobody_and_shows_no_credential(tmp_path: Path) -> None:
    async def answers(exchange: Exchange) -> None:
        await exchange.reply(500)

    (tmp_path / "body.json").write_bytes(BODY)
    async with serve(answers) as server:
        configured(tmp_path, server.url)
        for model in ("fast", "home/x", "on/x"):
            for more in ((), ("--json",)):
                for asked in (("-f", "body.json"), ("Who are you?",)):
                    ran = await run_beside(tmp_path, "explain", "-m", model, *more, *asked)
                    assert (ran.code, ran.err) == (0, "")
                    assert server.url.encode() in ran.out
                    assert b"canary" not in ran.out
    assert server.requests == []


def test_the_losses_are_listed_each_with_its_reason(home: Path) -> None:
    ran = run(home, "explain", "-m", "home/x", "-f", "-", stdin=json.dumps(QUESTION | {"seed": 1}).encode())
    reason = "loss      seed  seed was left out: the service's protocol has no such setting"
    assert f"losses\nseverity  name  why\n{reason}\n" in ran.out.decode()


def test_the_protocol_is_told_by_name_or_by_path(home: Path) -> None:
    body = b'{"conversationId":"c","prompt":"hi"}'
    token = ("-H", "UniqueId: tok-1")
    by_name = told(run(home, "explain", "--json", "--protocol", "aichatonline", *token, stdin=body))
    path = "/aichatonline/aichatonline/api/chat/gpt"
    by_path = told(run(home, "explain", "--json", "--path", path, *token, stdin=body))
    assert by_name == by_path
    assert (by_name["protocol"], by_name["path"], by_name["model"]) == ("aichatonline", path, "fast")
    assert json.loads(by_name["request"]["body"])["messages"] == [{"role": "user", "content": "hi"}]


def test_whoever_reads_the_configuration_needs_no_password_of_it(home: Path) -> None:
    ran = run(home, "explain", "--protocol", "aibn", stdin=b'{"messages":[{"role":"user","content":"hi"}]}')
    assert ran.err == "dragoman: 401, key refused: Invalid signature.\n"


def test_a_request_that_would_be_refused_is_explained_as_far_as_it_goes(home: Path) -> None:
    ran = run(home, "explain", "-m", "home/x", stdin=b'{"messages": []}')
    assert (ran.code, ran.err) == (4, "dragoman: messages: expected at least one message\n")
    assert ran.out == b"caller  openai-chat, /v1/chat/completions\nmodel   home/x\n"
    ran = run(home, "explain", "--json", "-m", "home/x", stdin=b'{"messages": []}')
    assert (ran.code, json.loads(ran.out)["error"]["param"]) == (4, "messages")
    ran = run(home, "explain", "-m", "offline/elisa", "hi")
    assert (ran.code, ran.err) == (4, "dragoman: Offline has no model 'elisa'; did you mean eliza?\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--protocol", "openai", "--path", "/v1"), "--protocol and --path cannot be given together"),
        (("--protocol", "openai-chatt"), "there is no protocol 'openai-chatt'; did you mean openai-chat?"),
        (("--protocol", "x"), "; there are "),
        ((), "there is no request: give a QUESTION, a --file, or a body on stdin"),
        (("-H", "nothing"), "expected a header as NAME:VALUE, got 'nothing'"),
        (("-f", "body.json", "hi"), "a QUESTION has no file, protocol, path and headers: leave one out"),
    ],
)
def test_wrong_usage_is_told(home: Path, arguments: tuple[str, ...], words: str) -> None:
    ran = run(home, "explain", *arguments)
    assert ran.code == 2
    assert words in ran.err


def test_what_cannot_be_asked_is_told(home: Path) -> None:
    ran = run(home, "explain", "-f", "nothing.json")
    assert (ran.code, ran.err) == (4, "dragoman: nothing.json cannot be read: No such file or directory\n")
    ran = run(home, "explain", "--path", "/v1/chat", stdin=BODY)
    assert ran.code == 4
    assert "path: expected the path of a chat (" in ran.err


def test_a_terminal_is_not_waited_for_and_a_long_body_is_cut(home: Path) -> None:
    with Terminal(home, "explain") as terminal:
        assert terminal.end() == 2
    assert "there is no request: give a QUESTION, a --file, or a body on stdin" in terminal.text
    body = json.dumps({"model": "fast", "messages": [{"role": "user", "content": "\x1b[2J" + 30_000 * "x"}]})
    (home / "body.json").write_text(body)
    with Terminal(home, "explain", "-f", "body.json") as terminal:
        assert terminal.end() == 0
    assert "xxx… (" in terminal.text
    assert "characters more; --json has all)" in terminal.text
    assert "\x1b[2mrequest" in terminal.drawn.replace("\r", "").replace("\n", "")
    assert "\x1b[2J" not in terminal.drawn
