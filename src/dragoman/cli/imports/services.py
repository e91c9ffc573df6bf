"""Which entry of `[providers]` stands for a service of another program. Knows no program and no file."""

import re

from msgspec import Struct

from dragoman.providers.openai_services import ROWS


class Service(Struct, frozen=True):
    """How an entry says what it is: a class of the catalogue, or only a protocol."""

    type: str = ""
    protocol: str = ""

    @property
    def needs_url(self) -> bool:
        """Whether an entry without `url` would be refused."""
        return bool(self.protocol)

    @property
    def label(self) -> str:
        """A name for an entry that has none."""
        return self.type or self.protocol

    @property
    def settings(self) -> dict[str, object]:
        """The keys of the entry."""
        return {"type": self.type} if self.type else {"protocol": self.protocol}


CHAT = Service(protocol="openai-chat")
RESPONSES = Service(protocol="openai-responses")
MESSAGES = Service(protocol="anthropic")
GEMINI = Service(protocol="gemini")
OLLAMA = Service("ollama")

HOMES = {
    "https://api.openai.com/v1": {CHAT: Service("openai"), RESPONSES: Service("openairesponses")},
    "https://api.anthropic.com": {MESSAGES: Service("anthropic")},
    "https://generativelanguage.googleapis.com": {GEMINI: Service("gemini")},
    **{row.url: {CHAT: Service(row.name.lower())} for row in ROWS if not row.gone and "127.0.0.1" not in row.url},
}
"""Addresses to the classes that are there, so that what is known of a service holds; by protocol."""

PATHS: tuple[tuple[str, Service], ...] = (
    ("/chat/completions", CHAT),
    ("/v1/responses", RESPONSES),
    ("/v1/messages", MESSAGES),
    ("/v1beta/models", GEMINI),
    ("/api/chat", OLLAMA),
)
"""Ends of complete addresses to the protocol that is spoken there."""

KEPT = {RESPONSES: "/v1"}
"""What of such an end belongs to `url`."""

ADDED: dict[str, tuple[str, ...]] = {
    "anthropic": ("/v1/messages", "/v1"),
    "gemini": ("/v1beta/models", "/v1beta"),
    "ollama": ("/api/chat", "/api"),
    "openai-responses": ("/responses",),
    "openairesponses": ("/responses",),
}
"""What a protocol or class adds to `url`; other programs write a part of it themselves."""

CHAT_ADDS = ("/chat/completions",)
"""What all others add."""


AZURE = Service("azure")
AZURE_RESPONSES = Service("azureresponses")
AZURES = (AZURE, AZURE_RESPONSES)
AZURE_PATH = "/openai/v1"
"""The path below a resource of Azure OpenAI; other programs name the resource alone."""

PLACES: dict[re.Pattern[str], dict[Service, Service]] = {
    re.compile(r"https://[\w-]+\.(?:openai|cognitiveservices|services\.ai)\.azure\.com/openai/v1"): {
        CHAT: AZURE,
        RESPONSES: AZURE_RESPONSES,
    },
    re.compile(r"https://[\w-]+\.services\.ai\.azure\.com/anthropic"): {MESSAGES: Service("azureanthropic")},
    re.compile(r"https://bedrock-(?:mantle\.[\w-]+\.api\.aws|runtime\.[\w-]+\.amazonaws\.com)(?:/openai)?/v1"): {
        CHAT: Service("bedrock"),
        RESPONSES: Service("bedrockresponses"),
    },
    re.compile(r"https://bedrock-mantle\.[\w-]+\.api\.aws/anthropic"): {MESSAGES: Service("bedrockanthropic")},
    re.compile(r"https://(?:[\w-]+-)?aiplatform(?:\.\w+\.rep)?\.googleapis\.com/.+/endpoints/openapi"): {
        CHAT: Service("vertexopenai")
    },
}
"""Addresses of clouds, which have a user's resource, region or project in them, to the classes that are there."""

AFTER_HOST = frozenset("/?#")
"""What ends the host in an address."""

BEDROCK_BY_HAND = (
    "dragoman signs no requests with AWS credentials: get an API key of Bedrock, and write an entry with "
    'type = "bedrock", "bedrockresponses" or "bedrockanthropic"'
)
VERTEX_BY_HAND = (
    'write an entry with type = "vertex", "vertexanthropic" or "vertexopenai", its project and location in `url`, '
    "and an access token as `api_key`"
)
AZURE_KEY = "set `api_key` of the entry to the key of your resource, or to a token of Entra ID"
GCLOUD = 'set `api_key` of the entry to an access token: { command = ["gcloud", "auth", "print-access-token"] }'


def azure_url(address: str) -> str | None:
    """The `url` for a resource of Azure OpenAI; None if the address has another path."""
    plain = address.rstrip("/").removesuffix(AZURE_PATH)
    return f"{plain}{AZURE_PATH}" if AFTER_HOST.isdisjoint(plain.partition("://")[2]) else None


def at_home(service: Service, url: str) -> Service:
    """The class for a service of a plain protocol, if `url` is that of one which is known."""
    known = HOMES.get(url) or next((found for place, found in PLACES.items() if place.fullmatch(url)), {})
    return known.get(service, service)


def of_address(address: str) -> tuple[Service, str] | None:
    """The service at a complete address, as requests are sent to, and its `url`; None if no protocol ends so."""
    plain = address.rstrip("/")
    for end, service in PATHS:
        if plain.endswith(end):
            url = plain.removesuffix(end) + KEPT.get(service, "")
            return at_home(service, url), url
    return None


def shortened(service: Service, url: str) -> str:
    """`url` without what the protocol adds."""
    plain = url.rstrip("/")
    for end in ADDED.get(service.label, CHAT_ADDS):
        if plain.endswith(end):
            return plain.removesuffix(end)
    return plain
