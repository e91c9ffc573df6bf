"""Google's Gemini API: the model, and whether a stream is wanted, are in the path."""

from urllib.parse import parse_qsl

from dragoman.client import Client
from dragoman.config import FrontConfig
from dragoman.error_words import cut
from dragoman.errors import RequestError
from dragoman.gateway.fronts.endpoints import AwaitedEndpoint, ChatEndpoint, ImmediateEndpoint, is_clean
from dragoman.gateway.fronts.operations import CountEndpoint, EmbedEndpoint
from dragoman.gateway.fronts.table import Front, FrontMaker, Row
from dragoman.gateway.kept_turns import KeptTurns
from dragoman.protocols.gemini import GeminiCountServer, GeminiEmbedServer, GeminiServer
from dragoman.protocols.gemini.models import encode_model, encode_models
from dragoman.types import ServerRequest, ServerResponse

VERSIONS = ("/v1beta", "/v1")
"""The vendor's programs call either."""
PREFIX = VERSIONS[0]
CALLED = (*VERSIONS, "/v1beta1/publishers/google", "/v1/publishers/google")
"""Where models are called: Vertex AI puts their publisher before them."""
HEADERS = (b"x-goog-api-key", b"x-goog-api-client")
"""Headers that only the vendor's programs send; those without any of them show their key in the query."""
METHODS = ("generateContent", "streamGenerateContent")
EMBEDDINGS = ("embedContent", "batchEmbedContents")
KINDS = ("models", "tunedModels")
NAMED = (*VERSIONS, "/v1beta1")
"""Where programs write a name with a slash as it is, or as that of another publisher's model."""
AGAIN = tuple(version.removeprefix("/") for version in NAMED)
"""What is no name there, but a version for the second time: a program's base URL has one that it adds itself."""


def gemini(client: Client, turns: KeptTurns | None) -> Front:
    """The front, whose broken answers are cut off: the vendor's programs take an error in a stream for its end."""
    codec = GeminiServer()
    chat = ChatEndpoint(client, codec, clean=is_clean(client, FrontConfig(), "cut"), turns=turns)

    async def models(call: ServerRequest) -> ServerResponse:
        listed = await client.list_models()
        return encode_models(listed, client.model_facts(), dict(parse_qsl(call.query)))

    def model(call: ServerRequest) -> ServerResponse:
        name = call.path.partition("/models/")[2]
        client.handler(name)  # raises ModelNotFoundError, which names the nearest
        return encode_model(name, client.facts_of(name))

    def unknown(call: ServerRequest) -> ServerResponse:
        named = cut(call.path.rpartition(":")[2], 40)
        raise RequestError(
            f"{named!r} is not served here; {', '.join((*METHODS, *others))} are", status=404, code="unknown_path"
        )

    embed, count = EmbedEndpoint(client, GeminiEmbedServer(), codec.name), CountEndpoint(client, GeminiCountServer())
    others = {"countTokens": count} | dict.fromkeys(EMBEDDINGS, embed)
    rows = (
        *(
            Row("POST", f"{version}/{kind}/{{model}}:{method}", endpoint)
            for version in CALLED
            for kind in KINDS
            for method, endpoint in others.items()
        ),
        *(
            Row("POST", f"{version}/{kind}/{{model}}:{method}", chat)
            for version in CALLED
            for kind in KINDS
            for method in METHODS
        ),
        *(
            Row("POST", f"{version}/{kind}/{{model}}:{{method}}", ImmediateEndpoint(unknown))
            for version in CALLED
            for kind in KINDS
        ),
        *(
            Row("POST", f"{version}/{{model}}:{method}", endpoint, apart=AGAIN)
            for version in NAMED
            for method, endpoint in (others | dict.fromkeys(METHODS, chat)).items()
        ),
        *(Row("GET", f"{version}/models", AwaitedEndpoint(models)) for version in VERSIONS),
        *(Row("GET", f"{version}/models/{{model}}", ImmediateEndpoint(model)) for version in VERSIONS),
    )
    return Front(codec, rows, prefix=PREFIX, json=True, claims=claims)


def claims(call: ServerRequest) -> bool:
    """Whether the caller speaks this protocol: several have `/v1/models`."""
    by_header = any(call.header(name) is not None for name in HEADERS)
    return by_header or any(part.startswith("key=") for part in call.query.split("&"))


GEMINI = FrontMaker(lambda context: (gemini(context.client, context.turns),))
