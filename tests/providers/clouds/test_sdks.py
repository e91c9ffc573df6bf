"""What the vendors' own clients ask of a cloud, and what we ask: the same path, the same key, the same fields."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from anthropic import AsyncAnthropicFoundry, AsyncAnthropicVertex
from anthropic.lib.bedrock import AsyncAnthropicBedrockMantle
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials
from openai import AsyncAzureOpenAI, AsyncOpenAI

from dragoman import Client
from dragoman.providers.clouds.vertex import vertex_url
from tests.providers.clouds.fakes import CLOUDS, KEYS, Cloud, Fake
from tests.support.server import ReceivedRequest, serve

pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")

Ask = Callable[[str, bool], Awaitable[None]]
"""Asks the service at a URL; whether for a stream."""
HI: Any = [{"role": "user", "content": "hi"}]


async def _messages(client: Any, stream: bool) -> None:
    if not stream:
        await client.messages.create(model="claude-x@1", max_tokens=9, messages=HI)
        return
    async for _ in await client.messages.create(model="claude-x@1", max_tokens=9, messages=HI, stream=True):
        pass


async def foundry(url: str, stream: bool) -> None:
    async with AsyncAnthropicFoundry(api_key="sk-1", base_url=f"{url}/anthropic", max_retries=0) as client:
        await _messages(client, stream)


async def mantle(url: str, stream: bool) -> None:
    async with AsyncAnthropicBedrockMantle(api_key="sk-1", base_url=f"{url}/anthropic", max_retries=0) as client:
        await _messages(client, stream)


async def claude_in_vertex(url: str, stream: bool) -> None:
    async with AsyncAnthropicVertex(
        project_id="p-1", region="europe-west1", access_token="sk-1", base_url=f"{url}/v1", max_retries=0
    ) as client:
        await _messages(client, stream)


async def _chat(client: AsyncOpenAI, model: str, stream: bool) -> None:
    if not stream:
        await client.chat.completions.create(model=model, messages=HI)
        return
    options: Any = {"include_usage": True}
    async for _ in await client.chat.completions.create(model=model, messages=HI, stream=True, stream_options=options):
        pass


async def azure(url: str, stream: bool) -> None:
    async with AsyncOpenAI(api_key="sk-1", base_url=f"{url}/openai/v1", max_retries=0) as client:
        await _chat(client, "m-1", stream)


async def azure_responses(url: str, stream: bool) -> None:
    async with AsyncOpenAI(api_key="sk-1", base_url=f"{url}/openai/v1", max_retries=0) as client:
        if not stream:
            await client.responses.create(model="m-1", input="hi", store=False)
            return
        async for _ in await client.responses.create(model="m-1", input="hi", store=False, stream=True):
            pass


async def gemini_in_vertex(url: str, stream: bool) -> None:
    options = types.HttpOptions(base_url=url, api_version="v1")
    token = Credentials(token="sk-1")  # type: ignore[no-untyped-call]  # the library has no types
    client = genai.Client(
        vertexai=True, project="p-1", location="europe-west1", credentials=token, http_options=options
    )
    await _gemini(client, stream)


async def gemini_by_key(url: str, stream: bool) -> None:
    options = types.HttpOptions(base_url=url, api_version="v1")
    await _gemini(genai.Client(vertexai=True, api_key="sk-1", http_options=options), stream)


async def _gemini(client: genai.Client, stream: bool) -> None:
    if not stream:
        await client.aio.models.generate_content(model="m-1", contents="hi")
        return
    async for _ in await client.aio.models.generate_content_stream(model="m-1", contents="hi"):
        pass


PAIRS: dict[str, tuple[Cloud, Ask]] = {
    "azure": (CLOUDS["azure"], azure),
    "azureresponses": (CLOUDS["azureresponses"], azure_responses),
    "azureanthropic": (CLOUDS["azureanthropic"], foundry),
    "bedrockanthropic": (CLOUDS["bedrockanthropic"], mantle),
    "vertexanthropic": (CLOUDS["vertexanthropic"], claude_in_vertex),
    "vertex": (CLOUDS["vertex"], gemini_in_vertex),
    "vertex-express": (CLOUDS["vertex-express"], gemini_by_key),
}


def shape(request: ReceivedRequest) -> tuple[str, set[str]]:
    """The path, and the names of the body's fields."""
    return request.path, set(json.loads(request.body))


OURS = {"store", "include", "generationConfig", "parallel_tool_calls"}
"""Fields that one of the two may leave out."""


@pytest.mark.parametrize(("cloud", "sdk"), PAIRS.values(), ids=PAIRS)
async def test_a_stream_is_asked_for_as_the_vendors_client_does(cloud: Cloud, sdk: Ask) -> None:
    fake = Fake(cloud)
    async with serve(fake) as service, Client(cloud.config(service.url, max_tokens=None)) as client:
        await sdk(service.url, True)
        await client.chat(f"up/{cloud.model}", "hi")
        theirs, ours = service.requests
    assert fake.refused == []
    (path, fields), (own_path, own_fields) = shape(theirs), shape(ours)
    assert own_path == path
    assert own_fields - OURS == fields - OURS
    assert {name: ours.headers[name] for name in KEYS if name in ours.headers}.items() <= theirs.headers.items()


@pytest.mark.parametrize(("cloud", "sdk"), PAIRS.values(), ids=PAIRS)
async def test_a_fake_takes_what_the_vendors_client_asks(cloud: Cloud, sdk: Ask) -> None:
    fake = Fake(cloud)
    async with serve(fake) as service:
        await sdk(service.url, False)
    assert fake.refused == []


async def test_azures_own_client_sends_the_key_in_another_field() -> None:
    fake = Fake(CLOUDS["azure"])
    async with serve(fake) as service:
        client = AsyncAzureOpenAI(api_key="sk-1", api_version="v1", base_url=f"{service.url}/openai/v1", max_retries=0)
        async with client:
            with pytest.raises(Exception, match="keys"):
                await _chat(client, "m-1", stream=False)
        assert service.requests[0].headers["api-key"] == "sk-1"


@pytest.mark.parametrize("region", ["global", "us", "eu", "europe-west1"])
def test_vertex_is_where_the_vendors_clients_look_for_it(region: str) -> None:
    url = vertex_url("p", region)
    anthropic = AsyncAnthropicVertex(project_id="p", region=region, access_token="t")
    assert url.startswith(str(anthropic.base_url).rstrip("/") + "/projects/p/locations/")
    assert httpx.URL(url).path == f"/v1/projects/p/locations/{region}"
