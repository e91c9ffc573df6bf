"""Who takes part: the contenders that are wanted and installed. Knows how none of them is started."""

from collections.abc import Callable
from functools import partial

from bench.contenders import BASE, LIMIT, Contender, Ground, direct, dragoman, nginx
from bench.peers import bifrost, busbar, gomodel, litellm, portkey
from bench.process import BenchError

Start = Callable[[Ground], list[Contender]]


def _alone(start: Callable[[Ground], Contender]) -> Start:
    return lambda ground: [start(ground)]


OURS: dict[tuple[str, ...], Start] = {
    (LIMIT,): _alone(nginx),
    ("nginx, access log",): _alone(partial(nginx, log=True)),
    (
        "dragoman",
        "dragoman, OpenAI to web chat",
        "dragoman, the same by curl",
        "dragoman, web chat to OpenAI",
    ): dragoman,
}
PEERS: dict[tuple[str, ...], Start] = {
    ("Busbar",): busbar,
    ("GoModel",): gomodel,
    ("Bifrost",): bifrost,
    ("LiteLLM",): litellm,
    ("Portkey",): portkey,
}
STARTERS = OURS | PEERS
"""The contenders that one process stands for, to what starts it: none where it is not installed."""

ALONE: dict[str, Start] = {
    BASE: _alone(direct),
    **{names[0]: start for names, start in STARTERS.items() if names[0] != "nginx, access log"},
}
"""Those that are measured one after another, each in a process that has done nothing before."""


def wanted(names: tuple[str, ...], only: list[str]) -> list[str]:
    """Those of `names` that hold one of the texts `only`; all where there is none."""
    return [name for name in names if not only or any(text in name for text in only)]


def contenders(ground: Ground, only: list[str]) -> list[Contender]:
    """Those that are wanted and installed, started. Raises BenchError where there are none."""
    found: list[Contender] = []
    for names, start in STARTERS.items():
        chosen = wanted(names, only)
        started = _started(ground, chosen[0], start) if chosen else []
        found += [contender for contender in started if contender.name in chosen]
    if not found:
        raise BenchError(
            f"no contender is called so; there are {', '.join(name for names in STARTERS for name in names)}"
        )
    return found


def alone(ground: Ground, only: list[str]) -> dict[str, Start]:
    """What starts each that is wanted and installed, to be measured by itself. Raises BenchError if none is."""
    found: dict[str, Start] = {}
    for name in wanted(tuple(ALONE), only):
        with ground.passing():
            if _started(ground, name, ALONE[name]):
                found[name] = ALONE[name]
    if not found:
        raise BenchError(f"no contender is called so; there are {', '.join(ALONE)}")
    return found


def _started(ground: Ground, name: str, start: Start) -> list[Contender]:
    """None, and a line that says why, if it is a peer that is not installed or does not start."""
    try:
        found = start(ground)
    except BenchError as exc:
        if (name,) not in PEERS:
            raise
        print(f"{name} is left out: {exc}")
        return []
    if not found:
        print(f"{name} is left out: it is not installed (docs/performance.md says how to name it)")
    return found
