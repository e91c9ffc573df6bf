"""Vertex AI: Gemini, Claude, and other models by OpenAI's protocol, each at the address of a user's project.

https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference,
https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/call-vertex-using-openai-library,
googleapis/python-genai (google/genai/_api_client.py), anthropics/anthropic-sdk-python
(src/anthropic/lib/vertex/_client.py), seen 2026-11-29. A token is a bearer; an API key opens Gemini alone, at an
address without a project.
"""

from fnmatch import fnmatchcase
from typing import ClassVar

from dragoman.protocols.base import ClientCodec
from dragoman.protocols.carrier import BEARER
from dragoman.protocols.gemini import GeminiClient
from dragoman.protocols.gemini.relay import GOOGLE_KEY
from dragoman.protocols.gemini.vertex_embeddings import EMBEDDED, PREDICTED, PREDICTED_ALONE, EmbedMethod
from dragoman.protocols.openai_chat import OpenAIChatClient, Variant
from dragoman.providers.anthropic import AnthropicCompatible
from dragoman.providers.clouds.place import Place, Unlisted, Way
from dragoman.providers.codecs import shared
from dragoman.providers.gemini import GeminiCompatible
from dragoman.providers.openai import OpenAICompatible

GLOBAL = "https://aiplatform.googleapis.com"
HOSTS: dict[str, str] = {
    "global": GLOBAL,
    "us": "https://aiplatform.us.rep.googleapis.com",
    "eu": "https://aiplatform.eu.rep.googleapis.com",
}
"""Locations that are no single region, to their hosts."""

OWN_HOSTS = ("aiplatform.googleapis.com", ".rep.googleapis.com")

PROJECT, LOCATION = "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION"
CLAUDE_PROJECT, CLAUDE_LOCATION = "ANTHROPIC_VERTEX_PROJECT_ID", "CLOUD_ML_REGION"

BODY_VERSION = "vertex-2023-10-16"
ADVICE = 'set `api_key` of its entry to an access token: { command = ["gcloud", "auth", "print-access-token"] }.'
EXAMPLE = "https://LOCATION-aiplatform.googleapis.com/v1/projects/PROJECT/locations/LOCATION"

EMBEDDINGS: dict[str, EmbedMethod] = {
    "gemini-embedding-001*": PREDICTED_ALONE,
    "gemini-embedding-exp*": PREDICTED_ALONE,
    "*gemini*": EMBEDDED,
    "*maas*": EMBEDDED,
}
"""Models that embed otherwise than all others, which have `:predict` for 250 texts. Those after the first of Gemini
have that no more (400 FAILED_PRECONDITION: vercel/ai#15853, agentgateway/agentgateway#2968), and the first has not
everywhere what they have (400 INVALID_ARGUMENT: quarkiverse/quarkus-langchain4j#2376). Seen 2026-11-29."""


def embed_method(model: str) -> EmbedMethod:
    """How a model embeds texts, by the last part of its name."""
    name = model.rpartition("/")[2].lower()
    return next((each for pattern, each in EMBEDDINGS.items() if fnmatchcase(name, pattern)), PREDICTED)


FUNCTIONS = Variant(custom_tools=False)
"""As most services that offer models of others."""


def vertex_url(project: str, location: str = "global") -> str:
    """The address of a project in a location, below which the publishers of models are."""
    host = HOSTS.get(location, f"https://{location}-aiplatform.googleapis.com")
    return f"{host}/v1/projects/{project}/locations/{location}"


def _chat_url(project: str, location: str = "global") -> str:
    return f"{vertex_url(project, location)}/endpoints/openapi"


class Vertex(Unlisted, GeminiCompatible):
    """Gemini in Vertex AI. Project and location may come from GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION.

    Without a project, GOOGLE_API_KEY is the key.
    """

    ways = (Way((PROJECT, LOCATION), vertex_url), Way((PROJECT,), vertex_url), Way((), lambda: f"{GLOBAL}/v1"))
    url = Place(*ways)
    example = EXAMPLE
    hosts = OWN_HOSTS
    part = "/v1"
    enterprise = True
    key_variable: ClassVar[str] = "GOOGLE_API_KEY"

    @classmethod
    def codec(cls) -> ClientCodec:
        url = cls.address()
        carrier = BEARER if "/projects/" in url else GOOGLE_KEY
        return shared(
            GeminiClient,
            url,
            enterprise=cls.enterprise,
            root="/publishers/google",
            carrier=carrier,
            embed_method=embed_method,
        )

    @classmethod
    def key(cls) -> str | None:
        return cls.api_key if "/projects/" in cls.url else super().key()

    @classmethod
    def keyless(cls) -> str:
        return f"No key was sent: {ADVICE}" if "/projects/" in cls.url else super().keyless()


class VertexAnthropic(Unlisted, AnthropicCompatible):
    """Claude in Vertex AI. Project and location may come from ANTHROPIC_VERTEX_PROJECT_ID and CLOUD_ML_REGION."""

    ways = (
        Way((CLAUDE_PROJECT, CLAUDE_LOCATION), vertex_url),
        Way((PROJECT, CLAUDE_LOCATION), vertex_url),
        Way((PROJECT, LOCATION), vertex_url),
    )
    url = Place(*ways)
    example = EXAMPLE
    hosts = OWN_HOSTS
    part = "/projects/"
    signed = True
    carrier = BEARER
    body_version = BODY_VERSION

    @classmethod
    def keyless(cls) -> str:
        return f"No key was sent: {ADVICE}"


class VertexOpenAI(Unlisted, OpenAICompatible):
    """Vertex AI by OpenAI's protocol. Project and location come from the same variables as for Gemini."""

    ways = (Way((PROJECT, LOCATION), _chat_url), Way((PROJECT,), _chat_url))
    url = Place(*ways)
    example = f"{EXAMPLE}/endpoints/openapi"
    hosts = OWN_HOSTS
    part = "/endpoints/"

    @classmethod
    def codec(cls) -> ClientCodec:
        return shared(OpenAIChatClient, cls.address(), FUNCTIONS)

    @classmethod
    def keyless(cls) -> str:
        return f"No key was sent: {ADVICE}"
