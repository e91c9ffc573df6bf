"""The load counts what it gets, event by event."""

from contextlib import ExitStack
from pathlib import Path

from bench.asks import every, paced
from bench.contenders import Ground, direct
from bench.exchanges import STAMP, asks, reply, services, started, title
from bench.process import CORES, cpu_seconds
from bench.steal import Watch, marked, shown
from msgspec.structs import replace

from tests.bench.conftest import EVENTS


def test_each_paced_event_is_counted_and_timed(ground: Ground) -> None:
    ask = every(ground.upstream, EVENTS)["paced"]
    sample = ground.load.run(ground.upstream, ask, seconds=60, connections=3, count=3)
    assert sample.fault(ask) == ""
    assert (sample.answers, sample.frames) == (3, (EVENTS - 1, EVENTS - 1))
    assert 0 < sample.lateness.p50 <= sample.lateness.most
    assert sample.whole.p50 > (EVENTS - 1) * 200_000 > 0
    assert sample.own > 0


def test_a_lost_event_is_a_fault(ground: Ground) -> None:
    ask = replace(paced(ground.upstream, EVENTS), frames=EVENTS)
    sample = ground.load.run(ground.upstream, ask, seconds=60, connections=1, count=1)
    assert sample.fault(ask) == f"{EVENTS - 1} to {EVENTS - 1} of {EVENTS} frames"


def test_bursts_hold_no_stamps(ground: Ground) -> None:
    ask = direct(ground).asks["stream"]
    sample = ground.load.run(ground.upstream, ask, seconds=60, connections=2, count=4)
    assert (sample.fault(ask), sample.frames) == ("", (0, 0))


def test_an_answer_that_ends_with_its_whole_text_is_not_counted_twice(ground: Ground) -> None:
    assert reply("openai-responses", [STAMP] * 4).count(STAMP.encode()) > 4
    _, pid = ground.upstream, ground.upstream_pid
    ask = replace(asks("openai-responses", "openai-responses", 0, EVENTS)["paced"])
    port = services(ground)
    direct_request = ask.request.replace(b"POST /v1/", b"POST /paced/openai-responses/v1/")
    sample = ground.load.run(port, replace(ask, request=direct_request), seconds=60, connections=2, count=2)
    assert sample.fault(ask) == ""
    assert cpu_seconds(pid) >= 0


def test_every_dialect_and_translation_brings_all_events_that_come_alone(ground: Ground) -> None:
    with ExitStack() as loads:
        begun = []
        for each in started(ground, services(ground)):
            load = ground.load.start(each.port, each.asks["paced"], seconds=60, connections=4, count=4)
            loads.callback(load.kill)
            begun.append((each, load))
        for each, load in begun:
            assert ground.load.finish(load).fault(each.asks["paced"]) == "", each.name
    assert title("gemini", "gemini") == "relay gemini"


def test_steal_is_a_part_of_each_core_and_much_of_one_is_marked(tmp_path: Path) -> None:
    watch = Watch()
    seen = watch.seen()
    assert len(seen) == len(CORES)
    assert all(0 <= part <= 1 for part in seen)
    assert (marked((0.0, 0.03)), marked((0.02, 0.0)), marked(())) == (True, False, False)
    assert shown((0.001, 0.5)) == "steal 0.1% 50.0% [steal]"
