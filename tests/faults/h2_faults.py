"""The rows of the table of faults for services that speak HTTP/2. A browser does, over TLS; our own transport does not.

libcurl sends a request again by itself that was not processed, five times at most.
"""

from collections.abc import Callable

from tests.faults.fates import BEFORE, END, IDLE, LATE, MID_STREAM, TAIL, TRUNCATED, UNCOUNTED, WAIT_HEADERS, WELL, at
from tests.faults.fault import Fails, Fates, Fault, Phase, Said
from tests.faults.h2 import (
    CANCEL,
    ENHANCE_YOUR_CALM,
    INTERNAL_ERROR,
    NO_ERROR,
    REFUSED_STREAM,
    Act,
    Acts,
    data,
    end,
    go_away,
    headers,
    reset,
)
from tests.faults.making import cut
from tests.faults.wire import Fin, Rst, Stall

NOT_TAKEN = Fails("connect_error")
"""Nothing was processed, so that any target may be asked, whatever the settings of retries."""


def _before(good: Said, phase: Phase) -> Acts:
    """What of the answer comes before `phase`."""
    if phase in {WAIT_HEADERS, IDLE}:
        return ()
    pieces = good.reply.pieces[: good.place(phase)]
    return (headers(200, ("content-type", good.reply.media_type)), *map(data, pieces))


def _after(good: Said, phase: Phase) -> Acts:
    """And after it."""
    whole: Acts = (headers(200, ("content-type", good.reply.media_type)), *map(data, good.reply.pieces), end())
    return whole[len(_before(good, phase)) :]


def well(good: Said, phase: Phase) -> Acts:
    """The whole answer."""
    return (*_before(good, phase), *_after(good, phase))


def _cut(*acts: Act) -> Callable[[Said, Phase], Acts]:
    """The answer up to the phase, then these."""
    return lambda good, phase: (*_before(good, phase), *acts)


def _put(*acts: Act) -> Callable[[Said, Phase], Acts]:
    """The whole answer, with these at the phase."""
    return lambda good, phase: (*_before(good, phase), *acts, *_after(good, phase))


def _then(*acts: Act) -> Callable[[Said, Phase], Acts]:
    """The whole answer, then these."""
    return lambda good, phase: (*well(good, phase), *acts)


CUTS: Fates = {**at(WAIT_HEADERS, *BEFORE, fate=TRUNCATED), END: WELL}
FAULTS: dict[str, tuple[Fates, Callable[[Said, Phase], Acts]]] = {
    "nothing": ({WAIT_HEADERS: WELL}, well),
    "RST_STREAM: it failed": (CUTS, _cut(reset(INTERNAL_ERROR))),
    "RST_STREAM: it was given up": ({MID_STREAM: TRUNCATED}, _cut(reset(CANCEL))),
    "RST_STREAM: too much is asked": ({MID_STREAM: TRUNCATED}, _cut(reset(ENHANCE_YOUR_CALM))),
    "RST_STREAM: no error": (CUTS, _cut(reset(NO_ERROR))),
    "RST_STREAM: not processed": ({WAIT_HEADERS: NOT_TAKEN}, _cut(reset(REFUSED_STREAM))),
    "GOAWAY: not processed": ({WAIT_HEADERS: NOT_TAKEN}, _cut(go_away(NO_ERROR, served=False), Fin())),
    "GOAWAY, and the answer goes on": (
        {**at(WAIT_HEADERS, *BEFORE, END, fate=WELL)},
        _put(go_away(NO_ERROR, served=True)),
    ),
    "FIN after the answer": ({IDLE: WELL}, _then(Fin())),
    "RST after the answer": ({IDLE: WELL}, _then(Rst())),
    "GOAWAY after the answer": ({IDLE: WELL}, _then(go_away(NO_ERROR, served=True), Fin())),
    "GOAWAY, then FIN": (CUTS, _cut(go_away(INTERNAL_ERROR, served=True), Fin())),
    "GOAWAY: no longer processed": (
        at(MID_STREAM, TAIL, fate=TRUNCATED),
        _cut(go_away(INTERNAL_ERROR, served=False), Fin()),
    ),
    "FIN": (CUTS, _cut(Fin())),
    "RST": (CUTS, _cut(Rst())),
    "the end of the body": (at(*BEFORE, fate=TRUNCATED), _cut(end())),
    "HTTP/1.1 although HTTP/2 was agreed": (
        {WAIT_HEADERS: TRUNCATED},
        _cut(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Fin()),
    ),
}

H2_FAULTS: tuple[Fault, ...] = (
    *(
        Fault(f"{name}, in HTTP/2", fates, cut(), h2=acts, but=UNCOUNTED if fates is CUTS else {})
        for name, (fates, acts) in FAULTS.items()
    ),
    Fault("stall, in HTTP/2", at(WAIT_HEADERS, MID_STREAM, fate=LATE), cut(), h2=_cut(Stall()), hasty=True),
)
