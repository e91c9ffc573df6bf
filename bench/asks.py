"""The questions that contenders are asked, in the protocols that they are asked in."""

from hashlib import sha256

import msgspec

from bench.load import Ask, Kind, post

EVENTS = 100
SPOKEN = 96
"""Of the upstream's 100 events, those that say `word `; the rest are the role, the end, the usage and the end mark."""

LAST = {"json": '"total_tokens":', "stream": "data: [DONE]"}
"""What only the whole of the upstream's answer holds at its end."""

TEXT = "Hello"


def chat(
    kind: Kind, port: int, *, model: str = "bench", headers: dict[str, str] | None = None, text: str = TEXT
) -> Ask:
    """A question in OpenAI's protocol."""
    body: dict[str, object] = {"model": model, "messages": [{"role": "user", "content": text}]}
    if kind == "stream":
        body = {"model": model, "stream": True, "messages": body["messages"]}
    request = post(port, "/v1/chat/completions", msgspec.json.encode(body), headers)
    return Ask(request, LAST[kind], *((EVENTS, SPOKEN) if kind == "stream" else ()))


def paced(port: int, events: int, *, model: str = "paced", headers: dict[str, str] | None = None) -> Ask:
    """The same for a stream whose `events` come one by one: all but the last are stamped, which is the end."""
    return Ask(chat("stream", port, model=model, headers=headers).request, LAST["stream"], events, frames=events - 1)


def every(port: int, events: int, *, prefix: str = "", headers: dict[str, str] | None = None) -> dict[Kind, Ask]:
    """Of each kind one; `prefix`: what a gateway wants before the name of a model. `events`: of a paced stream."""
    return {
        "json": chat("json", port, model=f"{prefix}bench", headers=headers),
        "stream": chat("stream", port, model=f"{prefix}bench", headers=headers),
        "paced": paced(port, events, model=f"{prefix}paced", headers=headers),
    }


def web_chat(port: int, headers: dict[str, str]) -> Ask:
    """A question in chatgpt-demo's protocol, signed as its page signs; the answer is raw text."""
    body = {
        "messages": [{"role": "user", "content": TEXT}],
        "time": 1,
        "pass": None,
        "sign": sha256(f"1:{TEXT}:".encode()).hexdigest(),
    }
    return Ask(post(port, "/aibn/api/generate", msgspec.json.encode(body), headers), "word ", EVENTS, SPOKEN)
