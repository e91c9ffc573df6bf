"""The same for a protocol of lines of JSON, AiChatOnline's: the text of each line comes out, or an error."""

import json
import re

from dragoman.protocols.webchat.aichatonline import AiChatOnlineDecoder
from tests.fuzz.mutations import Form, mutants
from tests.support.cuts import drive, scattered
from tests.support.relaying import parts

SEED = 20_261_126

LINES = Form(
    re.compile(rb"\n"),
    b"\n",
    {
        "an error": b'{"error":{"message":"the worker died"}}\n',
        "an error of one text": b'{"error":"the worker died"}\n',
        "a code and a msg": b'{"code":429,"msg":"the worker died"}\n',
    },
    {"a heartbeat": b"ping\n", "a blank line": b"\r\n", "an empty object": b"{}\n", "no text": b'{"data":null}\n'},
)
ANSWER = (
    '{"code":200,"msg":"success","data":{"message":"Grüß "}}\n'
    '{"code":200,"msg":"success","data":{"message":"Gott "}}\n'
    '{"code":200,"msg":"success","data":{"message":"🙂"}}\n'
).encode()


def texts_of(body: bytes) -> str:
    """The texts of all lines, by plain JSON."""
    found = ""
    for line in body.split(b"\n"):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        data = value.get("data") if isinstance(value, dict) else None
        text = data.get("message") if isinstance(data, dict) else None
        found += text if isinstance(text, str) else ""
    return found


def test_lines_lose_no_text() -> None:
    # The site is written in JavaScript, which writes null for NaN.
    tried = [mutant for mutant in mutants(ANSWER, SEED, LINES) if not mutant.name.endswith("NaN")]
    found: list[str] = []
    for number, mutant in enumerate(tried):
        body = mutant.write()
        events, error = drive(AiChatOnlineDecoder(), [body])
        assert drive(AiChatOnlineDecoder(), scattered(body, number)) == (events, error), mutant.name
        text = "".join(text for _, text in parts(events))
        if mutant.fails and error is None:
            found.append(f"{mutant.name}: a failure that looks like a good answer")
        if mutant.same and error is not None:
            found.append(f"{mutant.name}: {error[0].__name__} instead of a good answer")
        if error is None and text != texts_of(body):
            found.append(f"{mutant.name}: {text!r} instead of {texts_of(body)!r}")
    assert not found, "\n".join([f"{len(found)} of {len(tried)}", *found[:12]])
