"""The service and the proxy that play scripts do what the scripts say, and keep a record of it."""

import asyncio

import pytest

from dragoman.client import Client
from dragoman.config import Config, GatewayConfig, ProviderConfig
from tests.faults.dialects import DIALECTS, FRONTS, SERVICES, TEXT, hear, reply
from tests.faults.fault import said
from tests.faults.wire import Drip, Fin, Proxy, Rst, Script, Service, Stall, Steps, Unheard, Wait, listening
from tests.support.gateway import ask, running

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
REQUEST = b"POST /x/path HTTP/1.1\r\ncontent-length: 4\r\n\r\nbody"


async def _asked(port: int, *requests: bytes) -> tuple[bytes, bool]:
    """All that is answered on one connection to these requests; and whether it was reset."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = b""
    try:
        for request in requests:
            writer.write(request)
            found += await reader.read(1 << 16)
        writer.write_eof()
        while data := await reader.read(1 << 16):
            found += data
    except ConnectionError:
        return found, True
    finally:
        writer.close()
    return found, False


@pytest.mark.parametrize(
    ("steps", "answered", "reset"),
    [
        ((ANSWER,), ANSWER, False),
        ((ANSWER[:10], Wait(0.001), ANSWER[10:], Fin()), ANSWER, False),
        ((Drip(ANSWER, 7),), ANSWER, False),
        ((Fin(),), b"", False),
        ((Rst(),), b"", True),
        ((ANSWER[:10], Stall()), ANSWER[:10], False),
    ],
    ids=["whole", "wait", "drip", "fin", "rst", "stall"],
)
async def test_a_script_is_played(steps: Steps, answered: bytes, reset: bool) -> None:
    service = Service()
    service.scripts["x"] = Script(steps)
    async with listening(service):
        assert await _asked(service.port, REQUEST) == (answered, reset)
        (wire,) = service.wires
    assert (wire.passed("up"), wire.passed("down")) == (REQUEST, answered)
    times = [moment.at for moment in wire.record]
    assert times == sorted(times)
    assert [request.body for request in service.requests] == [b"body"]


async def test_a_request_may_be_read_in_part_and_answered_otherwise_the_second_time() -> None:
    service = Service()
    service.scripts["x"] = Script((ANSWER,), again=(Fin(),))
    async with listening(service):
        assert await _asked(service.port, REQUEST, REQUEST) == (ANSWER, False)
        service.scripts["x"] = Script((ANSWER, Fin()), reads=2)
        assert (await _asked(service.port, REQUEST))[0] in {ANSWER, b""}  # the rest of the request may cause a reset
    assert [request.body for request in service.requests] == [b"body", b"body", b"bo"]


async def test_nobody_answers_until_somebody_does() -> None:
    port, service = Unheard(), Service()
    service.scripts["x"] = Script((ANSWER,))
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port.port)
    port.fill()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port.port), 0.05)
    port.empty()
    await port.listen(service)
    assert await _asked(port.port, REQUEST) == (ANSWER, False)
    await service.close()
    port.close()


@pytest.mark.parametrize("end", [Fin(), Rst()], ids=["fin", "rst"])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_stream_that_a_proxy_cuts_anywhere_is_whole_or_broken(dialect: str, end: Fin | Rst) -> None:
    good = said(dialect, reply(dialect, stream=True), stream=True)
    answer = b"".join(step for step in good.whole if isinstance(step, bytes))
    reason = answer.index(good.frames[good.reply.reason]) + len(good.frames[good.reply.reason])
    service = Service()
    service.scripts["x"] = Script(good.whole)
    async with listening(service):
        proxy = Proxy(service.port, 0, (end,))
        async with listening(proxy):
            url = f"http://127.0.0.1:{proxy.port}/x{SERVICES[dialect].base}"
            config = Config(
                gateway=GatewayConfig(port=0), providers={"x": ProviderConfig(protocol=dialect, url=url, api_key="k")}
            )
            path, body = FRONTS[dialect].ask("x/m", "hi", stream=True)
            async with running(config, client=Client(config)) as up:
                for cut in (*range(1, len(answer), 61), reason - 3, reason, len(answer)):
                    proxy.after = cut
                    got = await ask(up.url, "POST", path, {}, body)
                    heard = hear(dialect, got.body, stream=got.status == 200)
                    assert "".join(TEXT).startswith(heard.text)
                    assert heard.ends in (["end"], ["error"]), cut
                    if cut < reason - 4:  # the ends of the event and of its chunk may be missing
                        assert heard.ends == ["error"], cut
                    elif cut >= reason and isinstance(end, Fin):
                        assert (heard.text, heard.ends) == ("".join(TEXT), ["end"]), cut
