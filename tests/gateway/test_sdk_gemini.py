"""Google's own client as the caller: translated, and relayed through a second gateway."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from google import genai
from google.genai import errors, types
from google.genai.client import AsyncClient

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from tests.support.gateway import running_gateway

# Both are the SDK's: how it uses aiohttp, and the connection of a stream that broke off, which it leaves open.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

INNER = Config(
    gateway=GatewayConfig(port=0, api_keys=("key-one",)), models={"fast": ModelConfig(targets=("offline/script",))}
)
WEATHER = types.FunctionDeclaration(
    name="get_weather",
    parameters=types.Schema(type=types.Type.OBJECT, properties={"city": types.Schema(type=types.Type.STRING)}),
)
TOOLS = types.GenerateContentConfig(
    tools=[types.Tool(function_declarations=[WEATHER])],
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)


@asynccontextmanager
async def gateway(*, relayed: bool) -> AsyncIterator[str]:
    """The URL of a gateway whose model `fast` is the offline one; `relayed`: it asks another gateway, in Gemini."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(running_gateway(INNER))
        if relayed:
            outer = Config(
                gateway=GatewayConfig(port=0, api_keys=("key-one",)),
                providers={"up": ProviderConfig(protocol="gemini", url=url, api_key="key-one")},
                models={"fast": ModelConfig(targets=("up/fast",))},
            )
            url = await stack.enter_async_context(running_gateway(outer))
        yield url


@asynccontextmanager
async def client(url: str, version: str | None = None, key: str = "key-one") -> AsyncIterator[AsyncClient]:
    """A caller that asks once."""
    caller = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url, api_version=version))
    try:
        yield caller.aio
    finally:
        await caller.aio.aclose()
        caller.close()


ways = pytest.mark.parametrize("relayed", [False, True], ids=["translated", "relayed"])


@ways
@pytest.mark.parametrize("version", [None, "v1", "v1beta"])
async def test_whole_and_streamed_answers(relayed: bool, version: str | None) -> None:
    said = "reasoning: Hm\ntext: Привет, 👋\nusage: 3 4"
    async with gateway(relayed=relayed) as url, client(url, version) as caller:
        models = caller.models
        whole = await models.generate_content(model="fast", contents=said)
        chunks = [chunk async for chunk in await models.generate_content_stream(model="fast", contents=said)]
    assert whole.text == "Привет, 👋"
    assert whole.candidates
    assert whole.candidates[0].finish_reason == types.FinishReason.STOP
    content = whole.candidates[0].content
    assert content is not None
    assert [(part.text, part.thought) for part in content.parts or ()] == [("Hm", True), ("Привет, 👋", None)]
    assert whole.usage_metadata is not None
    assert (whole.usage_metadata.prompt_token_count, whole.usage_metadata.total_token_count) == (3, 7)
    assert "".join(chunk.text or "" for chunk in chunks) == "Привет, 👋"
    assert chunks[-1].usage_metadata is not None
    assert chunks[-1].usage_metadata.total_token_count == 7
    assert len({chunk.response_id for chunk in chunks}) == 1


@ways
async def test_tool_calls_there_and_back(relayed: bool) -> None:
    said = 'tool: get_weather {"city": "Köln"}\ntool: get_weather {"city": "Rom"}\n---\ntext: warm'
    async with gateway(relayed=relayed) as url, client(url) as caller:
        models = caller.models
        whole = await models.generate_content(model="fast", contents=said, config=TOOLS)
        streamed = [
            call
            async for chunk in await models.generate_content_stream(model="fast", contents=said, config=TOOLS)
            for call in chunk.function_calls or ()
        ]
        assert whole.candidates
        turn = whole.candidates[0].content
        assert turn is not None
        results = [
            types.Part.from_function_response(name=call.name or "", response={"result": "20"})
            for call in whole.function_calls or ()
        ]
        answer = await models.generate_content(
            model="fast",
            contents=[types.Content(role="user", parts=[types.Part(text=said)]), turn, types.Content(parts=results)],
            config=TOOLS,
        )
    assert [call.args for call in whole.function_calls or ()] == [{"city": "Köln"}, {"city": "Rom"}]
    assert [call.args for call in streamed] == [{"city": "Köln"}, {"city": "Rom"}]
    assert answer.text == "warm"


@ways
async def test_a_chat_keeps_its_turns(relayed: bool) -> None:
    async with gateway(relayed=relayed) as url, client(url) as caller:
        chat = caller.chats.create(model="offline/script" if not relayed else "fast")
        first = await chat.send_message("reasoning: Hm\ntext: one two")
        async for _ in await chat.send_message_stream("text: three four"):
            pass
        last = await chat.send_message("just words")
        history = chat.get_history(curated=True)
    assert (first.text, last.text) == ("one two", "just words")
    assert [content.role for content in history][:3] == ["user", "model", "user"]
    assert "three four" in "".join(part.text or "" for content in history for part in content.parts or ())


@ways
async def test_snake_case_media_and_settings_are_understood(relayed: bool) -> None:
    config = types.GenerateContentConfig(
        system_instruction="Be brief.",
        temperature=0.5,
        top_k=40,
        max_output_tokens=100,
        stop_sequences=["END"],
        thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_level=types.ThinkingLevel.LOW),
        response_mime_type="application/json",
        response_json_schema={"type": "object"},
        safety_settings=[
            types.SafetySetting(
                category=types.HarmCategory.HARM_CATEGORY_HARASSMENT, threshold=types.HarmBlockThreshold.BLOCK_NONE
            )
        ],
    )
    parts = [types.Part.from_bytes(data=b"\xfb\xff\xfe", mime_type="application/pdf"), types.Part(text="text: ok")]
    async with gateway(relayed=relayed) as url, client(url) as caller:
        models = caller.models
        whole = await models.generate_content(
            model="fast", contents=types.Content(role="user", parts=parts), config=config
        )
    assert whole.text == "ok"


@ways
async def test_failures_are_its_own_errors(relayed: bool) -> None:
    expected = {"400": 400, "401": 401, "403": 403, "404": 404, "429 retry_after=7": 429, "500": 500, "503": 503}
    async with gateway(relayed=relayed) as url, client(url) as caller:
        models = caller.models
        for word, code in expected.items():
            kind = errors.ClientError if code < 500 else errors.ServerError
            with pytest.raises(kind, match="Because!") as caught:
                await models.generate_content(model="fast", contents=f"error: {word} Because!")
            assert caught.value.code == code
            with pytest.raises(kind, match="Because!"):
                async for _ in await models.generate_content_stream(model="fast", contents=f"error: {word} Because!"):
                    pass
        with pytest.raises(errors.ClientError, match="did you mean fast"):
            await models.generate_content(model="fasd", contents="hi")
        async with client(url, key="key-none") as stranger:
            with pytest.raises(errors.ClientError) as refused:
                await stranger.models.generate_content(model="fast", contents="hi")
    assert (refused.value.code, refused.value.status) == (401, "UNAUTHENTICATED")


@ways
async def test_a_stream_that_breaks_off_raises(relayed: bool) -> None:
    texts: list[str] = []
    async with gateway(relayed=relayed) as url, client(url) as caller:
        models = caller.models
        with pytest.raises(errors.APIError):
            async for chunk in await models.generate_content_stream(model="fast", contents="text: half\ncut"):
                texts.append(chunk.text or "")
        with pytest.raises(errors.ServerError):
            await models.generate_content(model="fast", contents="text: half\ncut")
    assert "".join(texts) == "half"


async def test_a_length_and_a_filter_are_its_own_reasons() -> None:
    async with gateway(relayed=False) as url, client(url) as caller:
        models = caller.models
        for word, reason in (("length", types.FinishReason.MAX_TOKENS), ("filter", types.FinishReason.SAFETY)):
            whole = await models.generate_content(model="fast", contents=f"text: half\n{word}")
            assert whole.candidates
            assert whole.candidates[0].finish_reason == reason


@pytest.mark.parametrize("version", [None, "v1beta"])
async def test_models(version: str | None) -> None:
    async with gateway(relayed=False) as url, client(url, version) as caller:
        models = caller.models
        names = [model.name async for model in await models.list()]
        one = await models.get(model="offline/eliza")
        with pytest.raises(errors.ClientError):
            await models.get(model="offline/nobody")
    assert names == [f"models/{name}" for name in ("fast", "offline/eliza", "offline/echo", "offline/script")]
    assert one.name == "models/offline/eliza"
