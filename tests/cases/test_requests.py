"""What a caller sends, and what the gateway must answer: the files in requests/."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from dragoman.config import load
from tests.cases.asked import in_process, over_a_socket, replies, request
from tests.cases.page import cases, read
from tests.cases.roads import DEFAULT
from tests.cases.service import ROLES, Served, Service, services
from tests.support.gateway import running_gateway
from tests.support.relaying import Translating
from tests.support.server import serve

NONE = frozenset[str]()
REQUESTS = {
    "toml config": NONE,
    **ROLES,
    "http caller": frozenset({"escapes"}),
    "json upstream": frozenset({"for"}),
    "toml expect": NONE,
}
GOOD = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"fine"},"finish_reason":"stop"}]}'
FINE = Served("", "", 200, {"content-type": "application/json"}, GOOD, "clean", (GOOD,))
"""What is answered where a case does not say."""


@pytest.mark.parametrize("path", cases("requests"), ids=lambda path: path.stem)
async def test_a_request_is_answered_right(path: Path, tmp_path: Path) -> None:
    page = read(path, REQUESTS)
    expected = replies(page.table("toml expect"))
    caller, config = page.one("http caller"), page.one("toml config")
    if caller is None:
        raise page.error(1, "expected a block `http caller`, got none")
    head, body = request(page, caller)
    upstream = {block.options.get("for", ""): json.loads(block.text) for block in page.all("json upstream")}
    service = Service(services(page) or [FINE])
    file = tmp_path / "dragoman.toml"
    differing: list[str] = []
    async with serve(service) as up:
        file.write_text((config.text if config else DEFAULT).replace("{service}", up.url))
        loaded = load(file, {})
        loaded = replace(loaded, gateway=replace(loaded.gateway, default_model=loaded.gateway.default_model or "up/m"))
        async with (
            running_gateway(loaded) as relay,
            running_gateway(loaded, client=Translating(loaded)) as translate,
        ):
            urls = {"relay": relay, "translate": translate}
            for way, reply in expected.items():
                for slowly in (False, True) if way in urls else (False,):
                    service.bodies.clear()
                    got = await (
                        over_a_socket(urls[way], head, body, slowly=slowly)
                        if way in urls
                        else in_process(loaded, head, body)
                    )
                    name = f"{way}-slowly" if slowly else way
                    differing += [f"{name}: {text}" for text in reply.differences(got, service.bodies)]
                    wanted = upstream.get(way, upstream.get(""))
                    sent = [json.loads(data) for data in service.bodies if data]
                    if wanted is not None and sent != [wanted]:
                        differing.append(f"{name}: expected the service to be sent {wanted}, it was {sent}")
    assert not differing, "\n".join([page.title, *differing])
