"""The table of services with OpenAI's protocol: each row is complete, and each class does what its row says."""

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from msgspec.structs import asdict

from dragoman import Client
from dragoman.errors import ConfigurationError
from dragoman.protocols.openai_chat import COMPLETIONS, Variant
from dragoman.providers.catalogue import catalogue
from dragoman.providers.openai_services import PROVIDERS, ROWS
from dragoman.providers.openai_services.local import LOCAL, OWNERS, SERVERS
from dragoman.providers.openai_services.provider import OpenAIService
from dragoman.providers.openai_services.row import COMMON, Quirk, ServiceRow
from dragoman.transport.http.target import is_loopback
from dragoman.types import ChatRequest, Message, Text
from tests.cli.shell import REPOSITORY
from tests.support.canned import CannedReply, CannedTransport

USUAL = asdict(Variant())
DAY = re.compile(r"202\d-\d\d-\d\d")
SOURCE = re.compile(r"https://\S+|[\w.-]+/[\w.-]+( \(\S+\)|#\d+)(, [\w.-]+/[\w.-]+#\d+)*")
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
QUIRKS = [(row, quirk) for row in ROWS for quirk in (*COMMON, *row.quirks)]

GROQ = catalogue()["groq"]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_row_says_where_it_is_from(row: ServiceRow) -> None:
    assert SOURCE.fullmatch(row.source)
    assert DAY.fullmatch(row.seen)
    assert not row.key_variable or VARIABLE.fullmatch(row.key_variable)
    parts = urlsplit(row.url)
    assert parts.scheme == ("http" if row in LOCAL else "https")
    assert not row.url.endswith("/")
    assert is_loopback(row.url) == (row in LOCAL)


@pytest.mark.parametrize(("row", "quirk"), QUIRKS, ids=[f"{row.name}-{quirk.switch}" for row, quirk in QUIRKS])
def test_a_quirk_is_a_switch_that_is_set_otherwise_with_a_reason_and_a_date(row: ServiceRow, quirk: Quirk) -> None:
    assert quirk.value != USUAL[quirk.switch]
    assert msgspec.convert({quirk.switch: quirk.value}, Variant) != Variant()
    assert [other.switch for other in (*COMMON, *row.quirks)].count(quirk.switch) == 1
    assert quirk.reason
    assert SOURCE.fullmatch(quirk.source)
    assert DAY.fullmatch(quirk.seen)


@pytest.mark.parametrize("provider", PROVIDERS, ids=[provider.__name__ for provider in PROVIDERS])
def test_texts_are_relayed_to_the_path_of_the_row(provider: type[OpenAIService]) -> None:
    relay = provider.codec().relay_for(COMPLETIONS)
    url = None if relay is None else relay.request_head(None, "m", stream=False).url
    assert url == (provider.row.url + provider.row.completions if provider.row.completions else None)


def test_no_two_services_have_one_name() -> None:
    assert len({row.name.lower() for row in ROWS}) == len(ROWS) == len(PROVIDERS)


def test_what_is_looked_for_on_this_machine_is_in_the_table_and_listens_only_here() -> None:
    assert {server.name for server in SERVERS} == {row.name.lower() for row in LOCAL} | {"ollama"}
    assert all(is_loopback(server.url) for server in SERVERS)
    assert set(OWNERS) <= {server.name for server in SERVERS}


@pytest.mark.parametrize("provider", PROVIDERS, ids=[provider.__name__ for provider in PROVIDERS])
def test_a_service_is_called_as_its_row_says(provider: type[OpenAIService], monkeypatch: pytest.MonkeyPatch) -> None:
    row = provider.row
    if row.key_variable:
        monkeypatch.setenv(row.key_variable, "sk-own")
    assert provider.key() == ("sk-own" if row.key_variable else None)
    assert provider.configured({"url": "https://attacker.example/v1"}).key() is None
    assert provider.configured({"api_key": "sk-mine"}).key() == "sk-mine"
    assert provider.working is not bool(row.gone)
    assert provider.lists_models()
    assert provider.codec().expresses.isdisjoint(row.variant.refused_fields)


def test_a_key_in_the_variable_that_cannot_be_sent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "sk-own\n")
    with pytest.raises(ConfigurationError, match="GROQ_API_KEY"):
        GROQ.key()


def test_an_empty_address_is_named() -> None:
    with pytest.raises(ConfigurationError, match="expected a `url`"):
        GROQ.configured({"url": ""}).codec()


REPLY = b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
TABLES: dict[str, dict[str, Any]] = {
    "no configuration": {},
    "an empty table": {"providers": {"groq": {}}},
    "a table with its type": {"providers": {"groq": {"type": "groq"}}},
}


@pytest.mark.parametrize("tables", TABLES.values(), ids=TABLES)
async def test_a_service_needs_only_its_key(tables: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "sk-groq")
    transport = CannedTransport(CannedReply([[REPLY]], media_type="text/event-stream"))
    request = ChatRequest(model="groq/llama", messages=(Message("user", (Text(text="Hello"),), name="ann"),), top_k=3)
    async with Client(tables, transport=transport) as client:
        response = await client.complete(request)
    (sent,) = transport.sent
    assert response.text == "Hi"
    assert sent.url == "https://api.groq.com/openai/v1/chat/completions"
    assert ("authorization", "Bearer sk-groq") in sent.headers
    body = msgspec.json.decode(sent.body)
    assert "top_k" not in body
    assert body["messages"] == [{"role": "user", "content": "Hello"}]
    assert [loss.name for loss in response.losses] == ["top_k", "messages[0].name"]


def test_the_readme_has_the_table() -> None:
    page = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| ([a-z0-9]+) \| (.*?)(?: \(gone (.*)\))? \| (?:`(\w+)`|–) \| (http\S+) \|$", page, re.MULTILINE
    )
    assert rows == [(row.name.lower(), row.title, row.gone, row.key_variable, row.url) for row in ROWS]
