"""Counts of tokens and embeddings, in each dialect that has them: what a reply says, and what is wrong."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.errors import BadEventError, InvalidRequestError, NoOperationError, OverloadedError
from dragoman.protocols.anthropic import AnthropicClient, AnthropicCountServer
from dragoman.protocols.gemini import GeminiClient, GeminiCountServer, GeminiEmbedServer
from dragoman.protocols.ollama import OllamaClient, OllamaEmbedServer
from dragoman.protocols.openai_chat import OpenAIChatClient, OpenAIEmbedServer, Variant
from dragoman.protocols.openai_chat.embeddings import MAX_INPUTS
from dragoman.protocols.openai_responses import OpenAIResponsesClient, ResponsesCountServer
from dragoman.protocols.operations import CountClient, CountServer, EmbedClient, EmbedServer
from dragoman.types import (
    ChatRequest,
    EmbedRequest,
    HttpResponse,
    LostField,
    ResponseHead,
    ServerRequest,
    TokenCount,
    Usage,
    floats,
    user,
    vector,
)
from dragoman.types.operations import is_finite
from tests.support.env import fixed_env

ANTHROPIC, GEMINI, OLLAMA, CHAT, RESPONSES = (
    AnthropicClient("http://up"),
    GeminiClient("http://up"),
    OllamaClient("http://up"),
    OpenAIChatClient("http://up"),
    OpenAIResponsesClient("http://up"),
)
ASKED = ChatRequest(model="m", messages=(user("hi"),))
EMBED = EmbedRequest(model="m", inputs=("a", "b"))
TOKENS = EmbedRequest(model="m", inputs=((1, 2),))


def counter(codec: Any) -> CountClient:
    found = codec.counter
    assert isinstance(found, CountClient)
    return found


def embedder(codec: Any) -> EmbedClient:
    found = codec.embeddings
    assert isinstance(found, EmbedClient)
    return found


def reply(value: Any) -> HttpResponse:
    return HttpResponse(ResponseHead(200), json.dumps(value).encode())


COUNTS: list[tuple[Any, Any, TokenCount]] = [
    (ANTHROPIC, {"input_tokens": 7}, TokenCount(7)),
    (RESPONSES, {"object": "response.input_tokens", "input_tokens": 7}, TokenCount(7)),
    (GEMINI, {"totalTokens": 7}, TokenCount(7)),
    (GEMINI, {"totalTokens": 7, "cachedContentTokenCount": 3}, TokenCount(7, cache_read_tokens=3)),
    (GEMINI, {"totalTokens": 7, "cachedContentTokenCount": "3"}, TokenCount(7, cache_read_tokens=3)),
    (GEMINI, {"totalTokens": "7", "cachedContentTokenCount": -3}, TokenCount(7)),
    (ANTHROPIC, {"input_tokens": 7, "more": {"a": 1}}, TokenCount(7, extra={"anthropic": {"more": {"a": 1}}})),
    (GEMINI, {"totalTokens": 7, "more": [1]}, TokenCount(7, extra={"gemini": {"more": [1]}})),
    (RESPONSES, {"input_tokens": 7, "more": 1}, TokenCount(7, extra={"openai-responses": {"more": 1}})),
]


@pytest.mark.parametrize(("codec", "value", "count"), COUNTS)
def test_a_count_is_read(codec: Any, value: Any, count: TokenCount) -> None:
    assert counter(codec).decode_response(reply(value)) == count


SAID: list[tuple[Any, CountServer, Any]] = [
    (ANTHROPIC, AnthropicCountServer(), {"input_tokens": 7, "context_management": {"original_input_tokens": 9}}),
    (RESPONSES, ResponsesCountServer(), {"object": "response.input_tokens", "input_tokens": 7, "more": 1}),
    (
        GEMINI,
        GeminiCountServer(),
        {
            "totalTokens": 7,
            "cachedContentTokenCount": 3,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 7}],
        },
    ),
]


@pytest.mark.parametrize(("codec", "server", "value"), SAID)
def test_a_caller_of_the_service_s_protocol_gets_all_that_it_says_of_a_count(
    codec: Any, server: CountServer, value: Any
) -> None:
    told = server.encode_response(counter(codec).decode_response(reply(value)))
    assert json.loads(told.body) == value


EMBED_SAID: list[tuple[Any, EmbedServer, str, Any]] = [
    (
        OLLAMA,
        OllamaEmbedServer(),
        "/api/embed",
        {"model": "m", "embeddings": [[1.0], [2.0]], "prompt_eval_count": 5, "total_duration": 7, "load_duration": 1},
    ),
    (
        GEMINI,
        GeminiEmbedServer(),
        "/v1beta/models/m:batchEmbedContents",
        {
            "embeddings": [{"values": [1.0]}, {"values": [2.0]}],
            "usageMetadata": {"promptTokenCount": 5, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}]},
            "metadata": {"a": 1},
        },
    ),
    (
        CHAT,
        OpenAIEmbedServer(),
        "/v1/embeddings",
        {
            "object": "list",
            "data": [{"object": "embedding", "index": i, "embedding": [1.0]} for i in range(2)],
            "model": "m",
            "usage": {"prompt_tokens": 5, "total_tokens": 7, "more": 1},
            "id": "e1",
        },
    ),
]


@pytest.mark.parametrize(("codec", "server", "path", "value"), EMBED_SAID)
def test_a_caller_of_the_service_s_protocol_gets_all_that_it_says_beside_vectors(
    codec: Any, server: EmbedServer, path: str, value: Any
) -> None:
    told = server.encode_response(
        embedder(codec).decode_response(reply(value), EMBED), ServerRequest(method="POST", path=path), EMBED
    )
    assert json.loads(told.body) == value


@pytest.mark.parametrize("codec", [ANTHROPIC, RESPONSES, GEMINI])
@pytest.mark.parametrize(
    "value", [[], {}, 7, {"input_tokens": "7x", "totalTokens": "7x"}, {"input_tokens": 0.5, "totalTokens": -1}]
)
def test_what_is_no_count_is_the_service_s_error(codec: Any, value: Any) -> None:
    with pytest.raises(BadEventError, match="expected a count of tokens, got other JSON"):
        counter(codec).decode_response(reply(value))


FAILURES: list[tuple[Any, Any]] = [
    (ANTHROPIC, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    (RESPONSES, {"error": {"code": 503, "message": "Overloaded"}}),
    (CHAT, {"error": {"code": 503, "message": "Overloaded"}}),
    (GEMINI, {"error": {"status": "UNAVAILABLE", "message": "Overloaded"}}),
    (OLLAMA, {"error": {"code": 503, "message": "Overloaded"}}),
]


@pytest.mark.parametrize(("codec", "failure"), FAILURES)
def test_a_failure_in_the_place_of_a_count_or_of_vectors_is_the_failure(codec: Any, failure: Any) -> None:
    if codec.counter is not None:
        with pytest.raises(OverloadedError, match="Overloaded"):
            counter(codec).decode_response(reply(failure))
    if codec.embeddings is not None:
        with pytest.raises(OverloadedError, match="Overloaded"):
            embedder(codec).decode_response(reply(failure), EMBED)


def test_vectors_beside_an_error_without_words_are_vectors() -> None:
    value = {"data": [{"embedding": [1]}, {"embedding": [2]}], "error": {}}
    assert len(embedder(CHAT).decode_response(reply(value), EMBED).vectors) == 2


@pytest.mark.parametrize("numbers", [[0.5, -0.5], [3.4e38, -3.4e38], []])
def test_large_numbers_are_finite(numbers: list[float]) -> None:
    assert is_finite(vector(numbers))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_cannot_say_is_not_finite(number: float) -> None:
    assert not is_finite(vector([0.5, number]))


COUNT_SERVERS: list[tuple[CountServer, str]] = [
    (AnthropicCountServer(), "/v1/messages/count_tokens"),
    (GeminiCountServer(), "/v1beta/models/m:countTokens"),
    (ResponsesCountServer(), "/v1/responses/input_tokens"),
]


@pytest.mark.parametrize(("server", "path"), COUNT_SERVERS)
def test_a_request_for_a_count_is_an_object(server: CountServer, path: str) -> None:
    with pytest.raises(InvalidRequestError, match="the body: expected an object, got a list"):
        server.decode_request(ServerRequest(method="POST", path=path, body=b"[]"))


@pytest.mark.parametrize(("headers", "key"), [(("x-goog-api-key", "k"), "k"), (None, None)])
def test_gemini_is_asked_about_a_whole_request(headers: tuple[str, str] | None, key: str | None) -> None:
    asked = counter(GEMINI).encode_request(ASKED, fixed_env(key))
    assert asked.url == "http://up/v1beta/models/m:countTokens"
    contents = [{"role": "user", "parts": [{"text": "hi"}]}]
    assert json.loads(asked.body or b"") == {"generateContentRequest": {"model": "models/m", "contents": contents}}
    assert (headers in asked.headers) is (headers is not None)


VECTORS: list[tuple[Any, Any, Usage | None]] = [
    (CHAT, {"data": [{"embedding": [1, 2]}, {"embedding": [3, 4]}]}, None),
    (CHAT, {"data": [{"embedding": [3, 4], "index": 1}, {"embedding": [1, 2], "index": 0}]}, None),
    (CHAT, {"data": [{"embedding": [3, 4], "index": "1"}, {"embedding": [1, 2], "index": "0"}]}, None),
    (CHAT, {"data": [{"embedding": [3, 4], "index": 1.0}, {"embedding": [1, 2], "index": 0.0}]}, None),
    (CHAT, {"data": [{"embedding": [1, 2], "index": 0}, {"embedding": [3, 4], "index": 0}]}, None),
    (CHAT, {"data": [{"embedding": [1, 2], "index": None}, {"embedding": [3, 4], "index": "b"}]}, None),
    (CHAT, {"data": [{"embedding": [1, 2]}, {"embedding": [3, 4]}], "usage": {"total_tokens": 5}}, Usage(5)),
    (OLLAMA, {"embeddings": [[1, 2], [3, 4]]}, None),
    (OLLAMA, {"embeddings": [[1, 2], [3, 4]], "prompt_eval_count": 5}, Usage(input_tokens=5)),
    (GEMINI, {"embeddings": [{"values": [1, 2]}, {"values": [3, 4]}]}, None),
    (
        GEMINI,
        {"embeddings": [{"values": [1, 2]}, {"values": [3, 4]}], "usageMetadata": {"promptTokenCount": 5}},
        Usage(input_tokens=5),
    ),
]


@pytest.mark.parametrize(("codec", "value", "usage"), VECTORS)
def test_vectors_are_read_in_the_order_of_the_texts(codec: Any, value: Any, usage: Usage | None) -> None:
    found = embedder(codec).decode_response(reply(value), EMBED)
    assert [floats(each) for each in found.vectors] == [[1.0, 2.0], [3.0, 4.0]]
    assert found.usage == usage


NO_VECTORS: list[tuple[Any, Any, str]] = [
    (OLLAMA, [], "expected 2 embeddings, got something else"),
    (OLLAMA, {"embeddings": [[1]]}, "expected 2 embeddings, got something else"),
    (OLLAMA, {"embeddings": [[1], 5]}, "expected an embedding, got something else"),
    (OLLAMA, {"embeddings": [[1], ["x"]]}, "expected an embedding of numbers, got something else"),
    (OLLAMA, {"embeddings": [[1], [1e39]]}, "expected an embedding of numbers, got something else"),
    (GEMINI, {"embeddings": {}}, "expected 2 embeddings, got something else"),
    (GEMINI, {"embeddings": [{"values": [1]}, [1]]}, "expected an embedding, got something else"),
    (CHAT, {"data": [{"embedding": [1]}, {"embedding": [None]}]}, "expected an embedding of numbers"),
]


@pytest.mark.parametrize(("codec", "value", "words"), NO_VECTORS)
def test_what_is_no_vector_is_the_service_s_error(codec: Any, value: Any, words: str) -> None:
    with pytest.raises(BadEventError, match=words):
        embedder(codec).decode_response(reply(value), EMBED)


@pytest.mark.parametrize("codec", [OLLAMA, GEMINI])
def test_a_text_in_tokens_is_refused_where_the_protocol_has_none(codec: Any) -> None:
    with pytest.raises(NoOperationError, match="input: expected texts") as caught:
        embedder(codec).encode_request(TOKENS, fixed_env())
    assert caught.value.param == "input"


def test_texts_in_tokens_are_sent_where_the_protocol_has_them() -> None:
    body = embedder(CHAT).encode_request(TOKENS, fixed_env()).body
    assert json.loads(body or b"")["input"] == [[1, 2]]


ONE = "/v1beta/models/m:embedContent"
BATCH = "/v1beta/models/m:batchEmbedContents"
PART = {"content": {"parts": [{"text": "x"}]}}
WRONG: list[tuple[EmbedServer, str, Any, str]] = [
    (OllamaEmbedServer(), "/api/embed", {"input": {}}, "input: expected a string or a list of strings, got an object"),
    (OllamaEmbedServer(), "/api/embed", {"input": ["a", 5]}, "input[1]: expected a string, got an integer"),
    (OllamaEmbedServer(), "/api/embeddings", {"prompt": 5}, "prompt: expected a string, got an integer"),
    (OllamaEmbedServer(), "/api/embed", {"input": "a", "dimensions": -1}, "dimensions: expected at least 1, got -1"),
    (OpenAIEmbedServer(), "/v1/embeddings", {"input": "a", "dimensions": 0}, "dimensions: expected at least 1, got 0"),
    (OpenAIEmbedServer(), "/v1/embeddings", {"input": []}, "input: expected at least one text"),
    (
        GeminiEmbedServer(),
        BATCH,
        {"requests": [PART, PART | {"outputDimensionality": -4}]},
        "requests[1].outputDimensionality: expected at least 1, got -4",
    ),
    (GeminiEmbedServer(), BATCH, {"requests": []}, "requests: expected 1 to"),
    (GeminiEmbedServer(), BATCH, {"requests": [PART, PART | {"taskType": "A"}]}, "requests: expected the same"),
    (GeminiEmbedServer(), BATCH, {"requests": [PART, PART | {"more": 1}]}, "requests: expected the same"),
    (GeminiEmbedServer(), ONE, {"content": {"parts": []}}, "content.parts: expected at least one part, got none"),
    (GeminiEmbedServer(), ONE, {"content": {}}, "content.parts: expected at least one part, got none"),
    (
        GeminiEmbedServer(),
        BATCH,
        {"requests": [PART | {"model": "models/m"}, PART | {"model": "models/n"}]},
        "requests[1].model: expected that of the path, m, got models/n",
    ),
    (
        GeminiEmbedServer(),
        ONE,
        {"content": {"parts": [{"text": "x", "inlineData": {"data": "eA=="}}]}},
        "content.parts[0].inlineData: expected no such field",
    ),
    (
        GeminiEmbedServer(),
        BATCH,
        {"requests": [{"content": PART["content"] | {"more": 1}}]},
        "requests[0].content.more: expected no such field",
    ),
    (GeminiEmbedServer(), BATCH, {"requests": [PART], "taskType": "A"}, "taskType: expected no such field"),
    (OllamaEmbedServer(), "/api/embeddings", {"input": "a"}, "input: /api/embeddings takes `prompt`"),
    (OllamaEmbedServer(), "/api/embed", {"prompt": "a"}, "prompt: /api/embed takes `input`"),
    (
        GeminiEmbedServer(),
        ONE,
        {"content": PART["content"], "task_type": 50},
        "taskType: expected a string, got an integer",
    ),
    (
        OpenAIEmbedServer(),
        "/v1/embeddings",
        {"input": ["a"] * (MAX_INPUTS + 1)},
        f"input: expected at most {MAX_INPUTS}",
    ),
    (
        OpenAIEmbedServer(),
        "/v1/embeddings",
        {"input": None},
        "input: expected a string or a list of strings, got nothing",
    ),
    (OpenAIEmbedServer(), "/v1/embeddings", {"input": [["a"]]}, "input[0]: expected a string or a list of tokens"),
]


@pytest.mark.parametrize(("server", "path", "body", "words"), WRONG)
def test_a_wrong_request_is_refused_by_its_field(server: EmbedServer, path: str, body: Any, words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        server.decode_request(ServerRequest(method="POST", path=path, body=json.dumps(body).encode()))
    assert words in str(caught.value)


@pytest.mark.parametrize("model", ["m", "models/m", "publishers/google/models/m"])
def test_google_s_callers_may_repeat_the_model(model: str) -> None:
    content = {"role": "user", "parts": [{"text": "x", "thought": None}]}
    asked = {"requests": [{"model": model, "content": content}]}
    call = ServerRequest(method="POST", path=BATCH, body=json.dumps(asked).encode())
    assert GeminiEmbedServer().decode_request(call) == EmbedRequest(model="m", inputs=("x",))


def test_a_field_that_a_service_refuses_is_left_out_and_named() -> None:
    """As for its chats: Mistral answers 422 to `user`."""
    codec = embedder(OpenAIChatClient("http://up", Variant(refused_fields=("user", "top_k"))))
    asked = replace(EMBED, user="u", dimensions=2)
    assert json.loads(codec.encode_request(asked, fixed_env()).body or b"") == {
        "model": "m",
        "input": ["a", "b"],
        "dimensions": 2,
        "encoding_format": "base64",
    }
    assert codec.losses(asked, "openai-chat") == (LostField("user"),)


TAKEN: list[tuple[Any, Any]] = [
    ("a", ("a",)),
    (["a", "b"], ("a", "b")),
    ([1, 2], ((1, 2),)),
    ([[1], [2]], ((1,), (2,))),
]


@pytest.mark.parametrize(("given", "inputs"), TAKEN)
def test_openai_s_callers_may_send_tokens(given: Any, inputs: Any) -> None:
    body = json.dumps({"model": "m", "input": given}).encode()
    call = ServerRequest(method="POST", path="/v1/embeddings", body=body)
    assert OpenAIEmbedServer().decode_request(call).inputs == inputs


def embedded(body: Any) -> EmbedRequest:
    call = ServerRequest(method="POST", path=ONE, body=json.dumps(PART | body).encode())
    return GeminiEmbedServer().decode_request(call)


def test_google_s_callers_may_write_names_with_underscores() -> None:
    """As the vendor's own examples for curl do: https://ai.google.dev/gemini-api/docs/embeddings"""
    found = embedded({"task_type": "RETRIEVAL_QUERY", "output_dimensionality": 768})
    assert (found.dimensions, found.task, found.extra) == (768, "search_query", {})


def test_no_task_is_none_to_google_s_callers_too() -> None:
    assert embedded({"taskType": "TASK_TYPE_UNSPECIFIED"}).task is None


WHOLES: list[tuple[Any, str, str]] = [
    ([1], "generateContentRequest: expected an object, got a list", "generateContentRequest"),
    (
        {"contents": [{"parts": [{"text": 3}]}]},
        "generateContentRequest.contents[0].parts[0].text: expected a string, got an integer",
        "generateContentRequest.contents[0].parts[0].text",
    ),
]


@pytest.mark.parametrize("name", ["generateContentRequest", "generate_content_request"])
@pytest.mark.parametrize(("whole", "words", "param"), WHOLES)
def test_what_is_wrong_in_a_whole_request_to_be_counted_has_its_path(
    name: str, whole: Any, words: str, param: str
) -> None:
    call = ServerRequest(method="POST", path="/v1/models/m:countTokens", body=json.dumps({name: whole}).encode())
    with pytest.raises(InvalidRequestError) as caught:
        GeminiCountServer().decode_request(call)
    assert (str(caught.value), caught.value.param) == (words, param)


def test_a_whole_request_to_be_counted_may_be_written_with_underscores() -> None:
    body = json.dumps({"generate_content_request": {"contents": [{"parts": [{"text": "a"}]}]}}).encode()
    found = GeminiCountServer().decode_request(ServerRequest(method="POST", path="/v1/models/m:countTokens", body=body))
    assert [message.text for message in found.messages] == ["a"]


def test_a_whole_request_to_be_counted_stands_alone() -> None:
    """Google refuses both; the texts beside it were not counted."""
    texts = {"contents": [{"parts": [{"text": "a"}]}]}
    body = json.dumps({"generateContentRequest": texts} | texts).encode()
    with pytest.raises(InvalidRequestError, match="contents: expected either this or"):
        GeminiCountServer().decode_request(ServerRequest(method="POST", path="/v1/models/m:countTokens", body=body))


def test_the_personality_of_a_model_is_counted_too() -> None:
    body = json.dumps({"model": "m", "input": "hi", "personality": "friendly", "store": True}).encode()
    asked = ResponsesCountServer().decode_request(ServerRequest(method="POST", path="/x", body=body))
    said = json.loads(counter(RESPONSES).encode_request(asked, fixed_env()).body or b"")
    assert (said["personality"], "store" in said) == ("friendly", False)
