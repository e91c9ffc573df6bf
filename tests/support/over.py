"""A gateway over one service, and OpenAI's own client as its caller."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from openai import AsyncOpenAI

from dragoman.config import Config, GatewayConfig, ProviderConfig
from tests.support.gateway import running_gateway


@asynccontextmanager
async def caller_of(config: Config) -> AsyncIterator[AsyncOpenAI]:
    async with running_gateway(config) as url, AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as caller:
        yield caller


def over(url: str, protocol: str = "openai-chat") -> Config:
    return Config(
        gateway=GatewayConfig(port=0, default_model="up/m"),
        providers={"up": ProviderConfig(protocol=protocol, url=url, api_key="k")},
    )
