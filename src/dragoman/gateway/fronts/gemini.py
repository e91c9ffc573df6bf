"""Google's Gemini API: the model, and whether a stream is wanted, are in the path."""

from dragoman.client import Client
from dragoman.config import FrontConfig
from dragoman.gateway.fronts.endpoints import AwaitedEndpoint, ChatEndpoint, ImmediateEndpoint, is_clean
from dragoman.gateway.fronts.table import Front, FrontMaker, Row
from dragoman.protocols.gemini import GeminiServer
from dragoman.protocols.gemini.models import encode_model, encode_models
from dragoman.types import ServerRequest, ServerResponse

VERSIONS = ("/v1beta", "/v1")
"""The vendor's programs call either."""
PREFIX = VERSIONS[0]
MODELS = f"{PREFIX}/models"
METHODS = ("generateContent", "streamGenerateContent")
KINDS = ("models", "tunedModels")


def gemini(client: Client) -> Front:
    """The front, whose broken answers are cut off: the vendor's programs take an error in a stream for its end."""
    codec = GeminiServer()
    chat = ChatEndpoint(client, codec, clean=is_clean(client, FrontConfig(), "cut"))

    async def models(call: ServerRequest) -> ServerResponse:
        return encode_models(await client.list_models())

    def model(call: ServerRequest) -> ServerResponse:
        name = call.path.removeprefix(f"{MODELS}/")
        client.handler(name)  # raises ModelNotFoundError, which names the nearest
        return encode_model(name)

    rows = (
        *(
            Row("POST", f"{version}/{kind}/{{model}}:{method}", chat)
            for version in VERSIONS
            for kind in KINDS
            for method in METHODS
        ),
        Row("GET", MODELS, AwaitedEndpoint(models)),
        Row("GET", f"{MODELS}/{{model}}", ImmediateEndpoint(model)),
    )
    return Front(codec, rows, prefix=PREFIX, json=True)


GEMINI = FrontMaker(lambda context: (gemini(context.client),))
