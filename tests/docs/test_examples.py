"""The programs in `examples` are those of the pages on how to do something, and do it."""

import importlib.util
from types import ModuleType

import httpx
import pytest

from tests.cli.shell import REPOSITORY
from tests.docs.blocks import Block, written_in

PAGES = {
    "fastapi_stream": "docs/how-to/fastapi.md",
    "agent": "docs/how-to/agent-loop.md",
    "many_prompts": "docs/how-to/many-prompts.md",
}


def example(name: str) -> str:
    return (REPOSITORY / "examples" / f"{name}.py").read_text(encoding="utf-8")


def block(page: str) -> Block:
    (found,) = (each for each in written_in("python") if each.page == page)
    return found


def test_each_example_has_its_page() -> None:
    assert {path.stem for path in (REPOSITORY / "examples").glob("*.py")} == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_the_page_shows_the_example(name: str) -> None:
    assert block(PAGES[name]).text == example(name)  # test_python.py runs it, and compares what it prints


def loaded(name: str) -> ModuleType:
    """The example as a module."""
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_the_endpoint_streams_and_a_failure_has_its_status() -> None:
    app = loaded("fastapi_stream").app
    transport = httpx.ASGITransport(app=app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://x") as caller:
        good = await caller.get("/", params={"question": "Two words", "model": "offline/echo"})
        assert (good.status_code, good.text) == (200, "Two words")
        assert good.headers["content-type"].startswith("text/plain")
        missing = await caller.get("/", params={"question": "x", "model": "offline/elisa"})
        assert (missing.status_code, missing.json()["detail"][:20]) == (404, "Offline has no model")
        busy = await caller.get("/", params={"question": "error: 400 No.", "model": "offline/script"})
        assert (busy.status_code, busy.json()) == (400, {"detail": "No."})
