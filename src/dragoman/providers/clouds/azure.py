"""Azure: OpenAI's two protocols, and Claude by Anthropic's, each at the address of a user's resource.

A key and a token of Entra ID are both a bearer for OpenAI's protocols (https://learn.microsoft.com/en-us/azure/foundry/
openai/api-version-lifecycle). Claude wants a key in `x-api-key` (anthropics/anthropic-sdk-python,
src/anthropic/lib/foundry.py). Seen 2026-11-29.
"""

import re
from typing import ClassVar

from msgspec.structs import replace

from dragoman.protocols.base import ClientCodec
from dragoman.protocols.carrier import Carrier
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.protocols.openai_responses import OpenAIResponsesClient
from dragoman.providers.anthropic import AnthropicCompatible
from dragoman.providers.clouds.place import CloudProvider, Place, Unlisted, Way
from dragoman.providers.codecs import shared
from dragoman.providers.openai import OWN, OpenAICompatible

CHAT = replace(OWN, breakpoints=None)
"""As OpenAI itself, except for what Azure's reference does not have."""

HOSTS = (".azure.com",)

KEY_OR_TOKEN = Carrier("x-api-key", tokens=True)


PLACE = re.compile(r"/*(?:/openai/(?:v1|deployments|responses|models)(?:/.*)?|/models/?)?(?:\?.*)?$")
"""What may follow a resource's endpoint: the portal shows the address of a deployment with its `api-version`, and the
documentation, of the same variable, one that ends with `/openai/v1/`."""


def _below(endpoint: str) -> str:
    return f"{PLACE.sub('', endpoint, count=1)}/openai/v1"


class Azure(CloudProvider, OpenAICompatible):
    """Azure OpenAI. The URL may come from AZURE_OPENAI_ENDPOINT, the key from AZURE_OPENAI_API_KEY."""

    ways = (Way(("AZURE_OPENAI_ENDPOINT",), _below),)
    url = Place(*ways)
    example = "https://RESOURCE.openai.azure.com/openai/v1"
    hosts = HOSTS
    part = "/openai/v1"
    key_variable: ClassVar[str] = "AZURE_OPENAI_API_KEY"

    @classmethod
    def codec(cls) -> ClientCodec:
        return shared(OpenAIChatClient, cls.address(), CHAT)


class AzureResponses(Azure):
    """Azure OpenAI, asked by OpenAI's newer protocol."""

    @classmethod
    def codec(cls) -> ClientCodec:
        return shared(OpenAIResponsesClient, cls.address(), penalties=False, own_ids=True, json_word=True)


class AzureAnthropic(Unlisted, AnthropicCompatible):
    """Claude in Azure AI Foundry. URL and key may come from variables, as in Anthropic's SDK."""

    ways = (
        Way(("ANTHROPIC_FOUNDRY_BASE_URL",), str),
        Way(("ANTHROPIC_FOUNDRY_RESOURCE",), "https://{}.services.ai.azure.com/anthropic".format),
    )
    url = Place(*ways)
    example = "https://RESOURCE.services.ai.azure.com/anthropic"
    hosts = HOSTS
    part = "/anthropic"
    key_variable: ClassVar[str] = "ANTHROPIC_FOUNDRY_API_KEY"
    signed = True
    carrier = KEY_OR_TOKEN
