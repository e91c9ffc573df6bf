"""What a relay sends to a service: the caller's request as it stands, but for the model's name and the credential."""

from typing import Any

import pytest

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.protocols.opaque import STATELESS
from dragoman.wire import json
from tests.support.gateway import ask, connect, running_gateway
from tests.support.golden import cases
from tests.support.relaying import (
    EVENTS,
    JSON,
    KEY,
    PATH,
    Translating,
    both_paths,
    configured,
    post,
    question,
    turn,
    understood,
)
from tests.support.server import Exchange, ReceivedRequest, Server, serve

TEXT = cases("openai-chat")["text"].reply
WHOLE = cases("openai-chat")["whole"].reply
BEGUN = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"half"}}]}\n\n'


async def answer(exchange: Exchange) -> None:
    """Answers well, as was asked."""
    if b'"stream":true' in exchange.request.body.replace(b" ", b""):
        await exchange.reply(headers=EVENTS, body=TEXT)
    else:
        await exchange.reply(headers=JSON, body=WHOLE)


async def explained(url: str, body: bytes, path: str = PATH) -> Any:
    """How a request would be carried."""
    got = await ask(url, "POST", "/explain", JSON, json.encode({"path": path, "body": json.decode_request(body)}))
    return json.decode_event(got.body)


async def refuse(exchange: Exchange) -> None:
    """Is busy."""
    await exchange.reply(503, headers=JSON, body=b'{"error":{"message":"busy"}}')


async def sent(body: bytes, headers: dict[str, str] | None = None) -> ReceivedRequest:
    """The request that a service sees of a caller's."""
    async with serve(answer) as service, running_gateway(configured(service.url, "up/real")) as url:
        got = await post(url, body, headers)
        assert got.status == 200, got.text
        (seen,) = service.requests
        return seen


async def test_the_callers_key_stays_here_and_the_services_own_goes_out() -> None:
    said = {
        "Authorization": "Bearer canary-of-the-caller",
        "X-Api-Key": "canary-of-the-caller",
        "Cookie": "canary-of-the-caller",
        "X-Forwarded-For": "canary-of-the-caller",
        "OpenAI-Organization": "canary-of-the-caller",
    }
    seen = await sent(question("up/m", stream=True), said)
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert "canary-of-the-caller" not in repr(seen)
    assert set(seen.headers) - {"host", "user-agent"} == {
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "x-dragoman-hops",
    }


async def test_a_service_without_a_key_is_sent_none() -> None:
    config = configured("http://127.0.0.1:1")
    async with serve(answer) as service:
        bare = ProviderConfig(protocol="openai-chat", url=service.url)
        async with running_gateway(Config(gateway=config.gateway, providers={"up": bare})) as url:
            await post(url, question("up/m", stream=True), {"Authorization": "Bearer canary-of-the-caller"})
        assert "authorization" not in service.requests[0].headers


@pytest.mark.parametrize("stream", [True, False])
async def test_says_which_kind_of_answer_it_takes(stream: bool) -> None:
    seen = await sent(question("up/m", stream=stream))
    assert (seen.method, seen.path) == ("POST", "/chat/completions")
    assert seen.headers["accept"] == ("text/event-stream" if stream else "application/json")
    assert seen.headers["content-type"] == "application/json"


MODELS: dict[str, tuple[bytes, str]] = {
    "a provider's": (b'{"model":"up/m","messages":[]}', "m"),
    "a provider's, with a slash": (b'{"model":"up/org/m","messages":[]}', "org/m"),
    "a route": (b'{"model":"route","messages":[]}', "real"),
    "the default": (b'{"model":"","messages":[]}', "m"),
    "none": (b'{"messages":[]}', "m"),
    "null": (b'{"model":null,"messages":[]}', "m"),
    "last of all": (b'{"messages":[],"stream":false,"model":"up/m"}', "m"),
    "in escapes": (b'{"mod\\u0065l":"\\u0075p\\/m","messages":[]}', "m"),
    "between spaces": (b' {\n "model" : "up/m" ,\t"messages" : [ ] } ', "m"),
    "in other scripts": ('{"model":"up/модель-✓","messages":[]}'.encode(), "модель-✓"),
    "with a quote": (b'{"model":"up/a\\"b","messages":[]}', 'a"b'),
    "elsewhere too": (
        b'{"metadata":{"model":"up/x"},"messages":[{"role":"user","content":"\\"model\\":\\"up/x\\"","model":"up/x"}],'
        b'"model":"up/m"}',
        "m",
    ),
}


@pytest.mark.parametrize("name", MODELS)
async def test_the_models_name_is_the_services_own(name: str) -> None:
    body, model = MODELS[name]
    seen = await sent(body)
    said, asked = json.decode_request(seen.body), json.decode_request(body)
    assert said.pop("model") == model
    asked.pop("model", None)
    assert said == asked


FIELDS = (
    b'"messages":[{"role":"user","content":"\\u0041\\ud83d\\ude00 \xf0\x9f\x98\x80 \\/ \\u2028","model":"up/x"}]',
    b'"seed":123456789012345678901234567890',
    b'"temperature":1.00',
    b'"top_p":1e-1',
    b'"unknown":{"a":[1, 2,\n3],"b":null,"model":"up/m"}',
    b'"n":-0.0',
    b'"stream_options":{"include_usage":true,"more":1}',
    b'"empty":""',
)


async def test_every_other_field_goes_out_byte_by_byte() -> None:
    seen = await sent(b'{"model":"up/m","stream":true,' + b",".join(FIELDS) + b"}")
    for each in FIELDS:
        assert each in seen.body
    assert len(seen.body) == len(b'{"model":"m","stream":true,' + b",".join(FIELDS) + b"}")


async def test_nothing_is_asked_for_beside_the_usage() -> None:
    body = json.encode({"model": "up/m", "stream": True, "messages": [{"role": "user", "content": "x"}]})
    usage = {"stream_options": {"include_usage": True}}
    assert json.decode_request((await sent(body)).body) == json.decode_request(body) | {"model": "m"} | usage


@pytest.mark.parametrize("asks", [False, True])
async def test_a_service_that_does_not_take_the_question_for_the_usage_is_not_asked(asks: bool) -> None:
    body = json.decode_request(question("up/m", stream=True))
    if not asks:
        del body["stream_options"]
    async with serve(answer) as service:
        up = ProviderConfig(type="mistral", url=service.url, api_key=KEY)
        async with running_gateway(Config(gateway=GatewayConfig(port=0), providers={"up": up})) as url:
            got = await post(url, json.encode(body))
        (seen,) = service.requests
    body.pop("stream_options", None)
    assert json.decode_request(seen.body) == body | {"model": "m"}
    assert got.status == 200


@pytest.mark.parametrize("stream", [True, False])
async def test_a_service_gets_a_request_in_the_words_that_it_takes(stream: bool) -> None:
    """The first target of the route has no role `developer` and another name for a limit; the second has both."""
    messages = [{"role": "developer", "content": "be brief"}, {"role": "user", "content": "hi"}]
    body = question("route", stream=stream, messages=messages, max_completion_tokens=9)
    async with serve(refuse) as first, serve(answer) as second:
        config = Config(
            gateway=GatewayConfig(port=0),
            providers={
                "up": ProviderConfig(type="mistral", url=first.url, api_key=KEY),
                "down": ProviderConfig(protocol="openai-chat", url=second.url, api_key=KEY),
            },
            models={"route": ModelConfig(targets=("up/m", "down/m"))},
        )
        async with running_gateway(config) as url:
            got = await post(url, body)
            found = await explained(url, body)
        (translated, relayed) = (json.decode_request(each.requests[0].body) for each in (first, second))
    assert got.status == 200
    assert [each["role"] for each in translated["messages"]] == ["system", "user"]
    assert (translated["max_tokens"], translated.get("max_completion_tokens")) == (9, None)
    assert relayed == json.decode_request(body) | {"model": "m"}
    assert [each["carried"] for each in found["targets"]] == ["translated", "relayed"]
    assert found["carried"] == "translated"


def chunks(*deltas: dict[str, Any]) -> bytes:
    return b"".join(b"data: %b\n\n" % json.encode({"choices": [{"index": 0, "delta": each}]}) for each in deltas)


HI = [{"role": "user", "content": "hi"}]
TURNS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "openairesponses": ("/v1/responses", {"store": False, "input": HI}, "input", "output"),
    "anthropic": ("/v1/messages", {"max_tokens": 99, "messages": HI}, "messages", "content"),
}
"""A provider to a path of its protocol, a question, and the fields of the conversation and of the answer."""


@pytest.mark.parametrize("provider", TURNS)
async def test_thoughts_of_one_service_are_not_relayed_to_another_that_looks_for_its_own(provider: str) -> None:
    """OpenAI looks for reasoning under its id, and Anthropic refuses a signature that is empty."""
    path, asked, conversation, answered = TURNS[provider]
    thoughts = chunks({"reasoning_content": "so"}, {"content": "Hi"}) + b"data: [DONE]\n\n"

    async def think(exchange: Exchange) -> None:
        await exchange.reply(headers=EVENTS, body=thoughts)

    async with serve(think) as first, serve(refuse) as second:
        providers = {
            "up": ProviderConfig(protocol="openai-chat", url=first.url, api_key=KEY),
            "own": ProviderConfig(type=provider, url=second.url, api_key=KEY),
        }
        async with running_gateway(Config(gateway=GatewayConfig(port=0), providers=providers)) as url:
            got = await ask(url, "POST", path, JSON, json.encode(asked | {"model": "up/m"}))
            said = json.decode_event(got.body)[answered]
            turn = said if conversation == "input" else [{"role": "assistant", "content": said}]
            more = asked | {"model": "own/m", conversation: [*HI, *turn, *HI]}
            await ask(url, "POST", path, JSON, json.encode(more))
            await ask(url, "POST", path, JSON, json.encode(asked | {"model": "own/m"}))
        seen, plain = (json.decode_request(each.body) for each in second.requests)
    assert "so" in str(said)
    assert "so" not in str(seen[conversation])
    assert "_dr1" not in str(seen[conversation])
    assert "signature" not in str(seen[conversation])
    assert "Hi" in str(seen[conversation])
    assert plain == asked | {"model": "m"}  # relayed


@pytest.mark.parametrize("large", [False, True])
async def test_thoughts_that_nobody_signed_are_relayed_to_a_service_that_signs_nothing(large: bool) -> None:
    """The mark that a caller has in place of a signature stays here."""
    thought = {"type": "thinking", "thinking": "so" * (400_000 if large else 1), "signature": STATELESS}
    turns = [*HI, {"role": "assistant", "content": [thought, {"type": "text", "text": "Hi"}]}, *HI]
    body = json.encode({"model": "up/m", "max_tokens": 99, "messages": turns})
    async with serve(refuse) as service:
        up = ProviderConfig(protocol="anthropic", url=service.url, api_key=KEY)
        async with running_gateway(Config(gateway=GatewayConfig(port=0), providers={"up": up})) as url:
            await ask(url, "POST", "/v1/messages", JSON, body)
            found = await explained(url, body, "/v1/messages")
        (seen,) = service.requests
    assert found["carried"] == "relayed"
    assert seen.body == body.replace(STATELESS.encode(), b"").replace(b"up/m", b"m")


@pytest.mark.parametrize(
    "more",
    [
        {"frequency_penalty": 0.5},
        {"input": [*HI, {"type": "message", "id": "1", "role": "assistant", "content": "x"}, *HI]},
    ],
)
async def test_what_openai_refuses_in_responses_is_not_relayed_to_it(more: dict[str, Any]) -> None:
    asked = {"model": "up/m", "store": False, "input": HI} | more
    for kind, carried in (("openairesponses", "translated"), ("responsescompatible", "relayed")):
        up = ProviderConfig(type=kind, url="http://127.0.0.1:9", api_key=KEY)
        async with running_gateway(Config(gateway=GatewayConfig(port=0), providers={"up": up})) as url:
            assert (await explained(url, json.encode(asked), "/v1/responses"))["carried"] == carried
            well = {"input": [*HI, {"type": "message", "id": "msg_1", "role": "assistant", "content": "x"}, *HI]}
            found = await explained(url, json.encode(asked | {"frequency_penalty": None} | well), "/v1/responses")
            assert found["carried"] == "relayed"


async def test_a_limit_is_relayed_under_the_name_that_the_service_has_for_it() -> None:
    async with serve(answer) as service:
        up = ProviderConfig(type="openai", url=service.url, api_key=KEY)
        async with running_gateway(Config(gateway=GatewayConfig(port=0), providers={"up": up})) as url:
            await post(url, question("up/m", stream=True, max_tokens=9))
            found = await explained(url, question("up/m", stream=True, max_tokens=9))
        (seen,) = service.requests
    assert found["carried"] == "relayed"
    sent = json.decode_request(seen.body)
    assert (sent["max_completion_tokens"], sent.get("max_tokens")) == (9, None)


async def test_a_large_body_arrives_whole() -> None:
    words = "0123456789abcdef" * (5 << 16)
    seen = await sent(question("up/m", stream=True, messages=[{"role": "user", "content": words}]))
    assert json.decode_request(seen.body)["messages"][0]["content"] == words


WRONG: dict[str, bytes] = {
    "no JSON": b"{",
    "no object": b"[]",
    "a model of another type": b'{"model":1,"messages":[{"role":"user","content":"x"}]}',
    "stream of another type": b'{"model":"up/m","stream":"yes","messages":[{"role":"user","content":"x"}]}',
    "an unknown model": question("up2/m", stream=True),
    "too deep": b'{"model":"up/m","messages":' + b"[" * 100_000,
    "half a character": b'{"model":"up/\\ud800","messages":[{"role":"user","content":"x"}]}',
    "a model that is no text": b'{"model":"up/\xff","messages":[{"role":"user","content":"x"}]}',
    "nothing": b"",
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_request_is_refused_as_ever(name: str) -> None:
    async with both_paths() as both:
        both.script[:] = [answer]
        got = [await post(url, WRONG[name]) for url in (both.relay, both.translate)]
    assert got[0].status == got[1].status
    assert got[0].body == got[1].body


async def test_a_provider_that_is_not_configured_well_is_an_answer_and_no_crash() -> None:
    config = Config(gateway=GatewayConfig(port=0))
    body = question("openaicompatible/m", stream=True)
    async with (
        running_gateway(config) as relay,
        running_gateway(config, client=Translating(config)) as translate,
    ):
        got = [await post(url, body) for url in (relay, translate)]
    assert got[0].status == got[1].status == 500
    assert got[0].body == got[1].body


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_other_methods_reach_no_service(method: str) -> None:
    async with serve(answer) as service, running_gateway(configured(service.url)) as url:
        async with connect(url) as wire:
            wire.send(method, PATH)
            assert await wire.head() == 405
        assert not service.requests


async def test_an_answer_passes_byte_by_byte() -> None:
    async with serve(answer) as service, running_gateway(configured(service.url)) as url:
        stream = await post(url, question("up/m", stream=True))
        whole = await post(url, question("up/m", stream=False))
    assert (stream.body, whole.body) == (TEXT, WHOLE)
    assert stream.headers["cache-control"] == "no-store"
    assert whole.headers["content-length"] == str(len(WHOLE))


async def test_one_connection_serves_one_caller_after_another() -> None:
    async with serve(answer) as service, running_gateway(configured(service.url)) as url, connect(url) as wire:
        for number in range(10):
            wire.send("POST", PATH, body=question("up/m", stream=bool(number % 2)))
            assert (await wire.answer()).clean
        assert (len(service.connections), len(service.requests)) == (1, 10)


# A connection that the service closed while it was idle.


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("reset", [True, False])
async def test_a_question_that_a_stale_connection_ate_is_asked_once_more(stream: bool, reset: bool) -> None:
    async def second_eaten(exchange: Exchange) -> None:
        if len(service.requests) != 2:
            await answer(exchange)
        elif reset:
            exchange.reset()

    async with serve(second_eaten) as service, running_gateway(configured(service.url)) as url:
        got = [await post(url, question("up/m", stream=stream)) for _ in range(2)]
        assert [(each.status, each.body) for each in got] == [(200, TEXT if stream else WHOLE)] * 2
        assert (len(service.connections), len(service.requests)) == (2, 3)


async def test_a_fresh_connection_that_ends_unanswered_is_not_asked_again() -> None:
    async def never(exchange: Exchange) -> None:
        return

    async with serve(never) as service, running_gateway(configured(service.url)) as url:
        assert (await post(url, question("up/m", stream=True))).status == 502
        assert len(service.requests) == 1


async def test_a_connection_that_was_closed_while_idle_is_replaced() -> None:
    async with serve(answer) as service, running_gateway(configured(service.url)) as url:
        for number in range(3):
            assert (await post(url, question("up/m", stream=True))).status == 200
            service.connections[-1].end(reset=bool(number % 2))
            await service.connections[-1].lost.wait()
        assert (len(service.connections), len(service.requests)) == (3, 3)


# Another service in the place of one that does not answer.


async def route(*targets: str, first: Any, stream: bool) -> tuple[Any, Server]:
    """What a caller of a route understands whose provider `up` answers with `first`."""
    async with serve(first) as service, serve(answer) as other:
        config = configured(service.url)
        providers = config.providers | {"other": ProviderConfig(protocol="openai-chat", url=other.url)}
        models = {"route": ModelConfig(targets=targets)}
        async with running_gateway(Config(gateway=config.gateway, providers=providers, models=models)) as url:
            said = understood(await post(url, question("route", stream=stream)), stream=stream)
        assert len(service.requests) <= 1
        return said, other


async def failing(exchange: Exchange) -> None:
    await exchange.reply(503, JSON, b'{"error":{"message":"busy"}}')


async def mute(exchange: Exchange) -> None:
    return


async def broken(exchange: Exchange) -> None:
    await exchange.head(headers=EVENTS)
    await exchange.chunk(b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n')


async def erring(exchange: Exchange) -> None:
    await exchange.head(headers=EVENTS)
    await exchange.chunk(b'data: {"error":{"message":"busy","type":"overloaded_error"}}\n\n')
    await exchange.end()


async def half(exchange: Exchange) -> None:
    await exchange.head(headers=EVENTS)
    await exchange.chunk(BEGUN)
    await turn()


async def wrong(exchange: Exchange) -> None:
    await exchange.reply(400, JSON, b'{"error":{"message":"no"}}')


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("first", [failing, mute, broken, erring])
async def test_a_failure_before_the_first_content_is_answered_by_another(first: Any, stream: bool) -> None:
    said, other = await route("up/m", "other/n", first=first, stream=stream)
    assert (said.status, said.clean, said.marked, said.error) == (200, True, True, None)
    assert [json.decode_request(seen.body)["model"] for seen in other.requests] == ["n"]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_service_that_is_down_is_answered_for_by_another(stream: bool) -> None:
    said, other = await route("down/m", "down/n", "other/n", first=mute, stream=stream)
    assert (said.status, said.marked, len(other.requests)) == (200, True, 1)


async def test_a_failure_behind_the_first_content_is_told() -> None:
    said, other = await route("up/m", "other/n", first=half, stream=True)
    assert (said.status, said.clean, said.marked, said.parts) == (200, True, False, (("Text", "half"),))
    assert said.error is not None
    assert not other.requests


async def test_a_request_that_is_wrong_is_asked_of_nobody_else() -> None:
    said, other = await route("up/m", "other/n", first=wrong, stream=True)
    assert said.status == 400
    assert not other.requests


async def test_when_all_fail_the_answer_is_that_of_a_translation() -> None:
    async with serve(failing) as service:
        config = configured(service.url, "down/m", "up/m", "up/n")
        async with (
            running_gateway(config) as relay,
            running_gateway(config, client=Translating(config)) as translate,
        ):
            got = [await post(url, question("route", stream=True)) for url in (relay, translate)]
    assert got[0].status == got[1].status == 503
    assert got[0].body == got[1].body


async def test_an_answer_of_the_models_list_is_not_relayed() -> None:
    async with serve(answer) as service, running_gateway(configured(service.url)) as url:
        assert (await ask(url, "GET", "/v1/models")).status == 200
        assert {seen.path for seen in service.requests} == {"/models"}
