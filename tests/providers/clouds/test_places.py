"""Where services of clouds are, and which key goes there."""

import pytest

from dragoman.errors import ConfigurationError
from dragoman.providers.catalogue import catalogue
from tests.support.env import fixed_env

CATALOGUE = catalogue()
VARIABLES = (
    "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_API_KEY",
    "ANTHROPIC_FOUNDRY_API_KEY",
    "ANTHROPIC_FOUNDRY_RESOURCE",
    "ANTHROPIC_FOUNDRY_BASE_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_BEARER_TOKEN_BEDROCK",
    "ANTHROPIC_BEDROCK_MANTLE_BASE_URL",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_CLOUD_LOCATION",
    "GOOGLE_API_KEY",
    "ANTHROPIC_VERTEX_PROJECT_ID",
    "CLOUD_ML_REGION",
)
GOOGLE = "https://europe-west1-aiplatform.googleapis.com/v1/projects/p/locations/europe-west1"

PLACES: dict[str, tuple[str, dict[str, str], str, str | None]] = {
    "azure": (
        "azure",
        {"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com/", "AZURE_OPENAI_API_KEY": "k"},
        "https://r.openai.azure.com/openai/v1",
        "k",
    ),
    "azure's responses": (
        "azureresponses",
        {"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com", "AZURE_OPENAI_API_KEY": "k"},
        "https://r.openai.azure.com/openai/v1",
        "k",
    ),
    **{
        f"azure at {endpoint}": (
            "azure",
            {"AZURE_OPENAI_ENDPOINT": endpoint, "AZURE_OPENAI_API_KEY": "k"},
            "https://r.openai.azure.com/openai/v1",
            "k",
        )
        for endpoint in (
            "https://r.openai.azure.com/openai/v1/",
            "https://r.openai.azure.com/openai/v1/?api-version=preview",
            "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2025-01-01-preview",
            "https://r.openai.azure.com/openai/responses?api-version=2025-04-01-preview",
            "https://r.openai.azure.com/models",
            "https://r.openai.azure.com//",
        )
    },
    "azure's project": (
        "azure",
        {"AZURE_OPENAI_ENDPOINT": "https://r.services.ai.azure.com/api/projects/p"},
        "https://r.services.ai.azure.com/api/projects/p/openai/v1",
        None,
    ),
    "azure behind a company's gateway": (
        "azure",
        {"AZURE_OPENAI_ENDPOINT": "https://apis.example/openai"},
        "https://apis.example/openai/openai/v1",
        None,
    ),
    "foundry": (
        "azureanthropic",
        {"ANTHROPIC_FOUNDRY_RESOURCE": "r", "ANTHROPIC_FOUNDRY_API_KEY": "k"},
        "https://r.services.ai.azure.com/anthropic",
        "k",
    ),
    "foundry's address": (
        "azureanthropic",
        {"ANTHROPIC_FOUNDRY_RESOURCE": "r", "ANTHROPIC_FOUNDRY_BASE_URL": "https://x.example/anthropic/"},
        "https://x.example/anthropic/",
        None,
    ),
    "bedrock": (
        "bedrock",
        {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_BEARER_TOKEN_BEDROCK": "k"},
        "https://bedrock-mantle.eu-west-1.api.aws/v1",
        "k",
    ),
    "bedrock's responses": (
        "bedrockresponses",
        {"AWS_DEFAULT_REGION": "us-east-1"},
        "https://bedrock-mantle.us-east-1.api.aws/v1",
        None,
    ),
    "bedrock's claude": (
        "bedrockanthropic",
        {"AWS_REGION": "eu-west-1", "AWS_BEARER_TOKEN_BEDROCK": "k"},
        "https://bedrock-mantle.eu-west-1.api.aws/anthropic",
        "k",
    ),
    "a key without a region": ("bedrock", {"AWS_BEARER_TOKEN_BEDROCK": "k"}, "", None),
    "vertex": (
        "vertex",
        {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "europe-west1", "GOOGLE_API_KEY": "k"},
        GOOGLE,
        None,
    ),
    "vertex without a location": (
        "vertex",
        {"GOOGLE_CLOUD_PROJECT": "p"},
        "https://aiplatform.googleapis.com/v1/projects/p/locations/global",
        None,
    ),
    "vertex with a key": ("vertex", {"GOOGLE_API_KEY": "k"}, "https://aiplatform.googleapis.com/v1", "k"),
    "vertex's claude": (
        "vertexanthropic",
        {"ANTHROPIC_VERTEX_PROJECT_ID": "p", "CLOUD_ML_REGION": "europe-west1", "GOOGLE_API_KEY": "k"},
        GOOGLE,
        None,
    ),
    "vertex's claude in europe": (
        "vertexanthropic",
        {"GOOGLE_CLOUD_PROJECT": "p", "CLOUD_ML_REGION": "eu"},
        "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu",
        None,
    ),
    "vertex's other models": (
        "vertexopenai",
        {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "europe-west1"},
        f"{GOOGLE}/endpoints/openapi",
        None,
    ),
}


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("name", "variables", "url", "key"), PLACES.values(), ids=PLACES)
def test_an_address_is_made_of_variables(
    name: str, variables: dict[str, str], url: str, key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert (CATALOGUE[name].url, CATALOGUE[name].key()) == (url, key)
    elsewhere = CATALOGUE[name].configured({"url": "https://attacker.example/v1"})
    assert (elsewhere.url, elsewhere.key()) == ("https://attacker.example/v1", None)
    assert elsewhere.configured({"api_key": "mine"}).key() == "mine"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("azure", "AZURE_OPENAI_ENDPOINT"),
        ("azureresponses", "AZURE_OPENAI_ENDPOINT"),
        ("azureanthropic", "ANTHROPIC_FOUNDRY_RESOURCE"),
        ("bedrock", "AWS_REGION"),
        ("bedrockresponses", "AWS_REGION"),
        ("bedrockanthropic", "AWS_REGION"),
        ("vertexanthropic", "ANTHROPIC_VERTEX_PROJECT_ID and CLOUD_ML_REGION"),
        ("vertexopenai", "GOOGLE_CLOUD_PROJECT"),
    ],
)
def test_without_them_it_is_said_what_is_missing(name: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        CATALOGUE[name].codec()
    with pytest.raises(ConfigurationError, match="http"):
        CATALOGUE[name].configured({"url": "r.example"}).codec()


@pytest.mark.parametrize(
    ("name", "url", "part"),
    [
        ("azure", "https://r.openai.azure.com", "/openai/v1"),
        ("azureresponses", "https://r.cognitiveservices.azure.com/openai", "/openai/v1"),
        ("azureanthropic", "https://r.services.ai.azure.com/models", "/anthropic"),
        ("bedrock", "https://bedrock-runtime.us-east-1.amazonaws.com", "/v1"),
        ("bedrockanthropic", "https://bedrock-mantle.us-east-1.api.aws/v1", "/anthropic"),
        ("vertex", "https://us-east5-aiplatform.googleapis.com", "/v1"),
        ("vertexanthropic", "https://aiplatform.eu.rep.googleapis.com/v1", "/projects/"),
        ("vertexopenai", "https://aiplatform.googleapis.com/v1/projects/p/locations/global", "/endpoints/"),
    ],
)
def test_an_address_of_a_cloud_that_leads_nowhere_is_a_mistake(name: str, url: str, part: str) -> None:
    with pytest.raises(ConfigurationError, match=f"got one without {part}"):
        CATALOGUE[name].configured({"url": url}).codec()
    assert CATALOGUE[name].configured({"url": "https://apis.example/x"}).codec().name


TOKEN = "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln"


@pytest.mark.parametrize(
    ("key", "field"), [("0123abcd", ("x-api-key", "0123abcd")), (TOKEN, ("authorization", f"Bearer {TOKEN}"))]
)
def test_claude_in_azure_takes_a_key_or_a_token(key: str, field: tuple[str, str]) -> None:
    codec = CATALOGUE["azureanthropic"].configured({"url": "http://127.0.0.1:1/anthropic"}).codec()
    assert codec.relay is not None
    assert codec.relay.request_head(key, "m", stream=True).headers[-1] == field
    assert fixed_env(key=key).key == key


@pytest.mark.parametrize("name", ["vertex", "vertexanthropic", "vertexopenai"])
def test_who_has_a_project_but_no_token_is_told_how_to_get_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    assert '"gcloud", "auth", "print-access-token"' in CATALOGUE[name].keyless()


def test_who_has_no_project_is_told_of_the_key() -> None:
    assert "GOOGLE_API_KEY" in CATALOGUE["vertex"].keyless()
    assert "AWS_BEARER_TOKEN_BEDROCK" in CATALOGUE["bedrock"].keyless() or CATALOGUE["bedrock"].url == ""
