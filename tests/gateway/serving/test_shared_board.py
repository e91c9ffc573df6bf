"""The board that workers share: processes that were forked read what others have written."""

import os
from pathlib import Path

from dragoman.gateway.serving.shared_board import SLOTS, SharedBoard
from tests.gateway.serving.test_plan import good
from tests.gateway.serving.test_routes import failing
from tests.support.gateway_process import GatewayProcess
from tests.support.relaying import post, question
from tests.support.server import serve


def test_a_name_has_a_place_of_its_own_and_no_other_one_s() -> None:
    board = SharedBoard()
    assert board.hint("a").read() == 0
    board.hint("a").write(7.5)
    assert (board.hint("a").read(), board.hint("b").read()) == (7.5, 0)
    board.hint("a").write(0.0)
    assert board.hint("a").read() == 0


def test_two_names_in_one_slot_lose_a_hint_and_never_read_the_other_s() -> None:
    board = SharedBoard()
    names = [f"target {n}" for n in range(4 * SLOTS)]
    for at, name in enumerate(names, 1):
        board.hint(name).write(float(at))
    read = [board.hint(name).read() for name in names]
    assert all(found in (0.0, at) for at, found in enumerate(read, 1))
    assert 0 < read.count(0.0) < len(read)


def test_a_process_that_was_forked_reads_and_writes_it() -> None:
    board = SharedBoard()
    board.hint("before").write(1.5)
    pid = os.fork()
    if not pid:
        good = board.hint("before").read() == 1.5
        board.hint("after").write(2.5)
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert board.hint("after").read() == 2.5


TOML = """
[gateway]
port = 0
workers = 2
breaker_failures = 1
breaker_rest = 60
[providers.s0]
protocol = "openai-chat"
url = "{}/v1"
[providers.s1]
protocol = "openai-chat"
url = "{}/v1"
[models.route]
targets = ["s0/m", "s1/m"]
"""


async def test_what_one_worker_has_found_keeps_the_other_from_asking(tmp_path: Path) -> None:
    async with serve(failing) as first, serve(good) as second:
        with GatewayProcess(tmp_path, TOML.format(first.url, second.url)) as gateway:
            for _ in range(20):  # each is a connection of its own, which one of the two workers takes
                assert (await post(gateway.url, question("route", stream=False))).status == 200
    assert (len(first.requests), len(second.requests)) == (1, 20)
