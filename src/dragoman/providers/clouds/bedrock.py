"""Amazon Bedrock with an API key: OpenAI's two protocols, and Claude by Anthropic's.

https://docs.aws.amazon.com/bedrock/latest/userguide/inference-responses-api.html,
https://docs.aws.amazon.com/bedrock/latest/userguide/apis.html, anthropics/anthropic-sdk-python
(src/anthropic/lib/bedrock/_mantle.py), seen 2026-11-29.
Some models are at another address, which an entry's `url` names.
"""

from typing import ClassVar

from dragoman.protocols.base import ClientCodec
from dragoman.protocols.carrier import BEARER
from dragoman.protocols.openai_chat import OpenAIChatClient, Variant
from dragoman.protocols.openai_responses import OpenAIResponsesClient
from dragoman.providers.anthropic import AnthropicCompatible
from dragoman.providers.clouds.place import CloudProvider, Place, Unlisted, Way
from dragoman.providers.codecs import shared
from dragoman.providers.openai import OpenAICompatible

REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
HOSTS = (".api.aws", ".amazonaws.com")
KEY = "AWS_BEARER_TOKEN_BEDROCK"

FUNCTIONS = Variant(custom_tools=False)
"""As most services that offer models of others."""


def _in_region(address: str) -> tuple[Way, ...]:
    return tuple(Way((region,), address.format) for region in REGIONS)


class Bedrock(CloudProvider, OpenAICompatible):
    """Amazon Bedrock. The region may come from AWS_REGION, the API key from AWS_BEARER_TOKEN_BEDROCK."""

    ways = _in_region("https://bedrock-mantle.{}.api.aws/v1")
    url = Place(*ways)
    example = "https://bedrock-mantle.REGION.api.aws/v1"
    hosts = HOSTS
    part = "/v1"
    key_variable: ClassVar[str] = KEY

    @classmethod
    def codec(cls) -> ClientCodec:
        return shared(OpenAIChatClient, cls.address(), FUNCTIONS)


class BedrockResponses(Bedrock):
    """Amazon Bedrock, asked by OpenAI's newer protocol."""

    @classmethod
    def codec(cls) -> ClientCodec:
        return shared(OpenAIResponsesClient, cls.address())


class BedrockAnthropic(Unlisted, AnthropicCompatible):
    """Claude in Amazon Bedrock, by Anthropic's protocol."""

    ways = (
        Way(("ANTHROPIC_BEDROCK_MANTLE_BASE_URL",), str),
        *_in_region("https://bedrock-mantle.{}.api.aws/anthropic"),
    )
    url = Place(*ways)
    example = "https://bedrock-mantle.REGION.api.aws/anthropic"
    hosts = HOSTS
    part = "/anthropic"
    key_variable: ClassVar[str] = KEY
    signed = True
    carrier = BEARER
