"""What callers ask and services are sent, for the tests of requests."""

import json
from typing import Any

from dragoman.protocols.openai_responses import OpenAIResponsesClient, OpenAIResponsesServer
from dragoman.types import ChatRequest, HttpRequest, ServerRequest
from tests.support.env import fixed_env

SERVER, CLIENT = OpenAIResponsesServer(), OpenAIResponsesClient("http://up/v1", breakpoints=True)

CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1.10, "b": 12345678901234567890}'}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "20"}
USER = {"role": "user", "content": "Hello"}
ANSWER = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [
        {
            "type": "output_text",
            "text": "Hi",
            "annotations": [
                {"type": "url_citation", "start_index": 0, "end_index": 2, "url": "https://a", "title": "A"},
                {"type": "file_path", "file_id": "f", "index": 1},
                {"type": "x_new", "y": 1},
            ],
            "logprobs": [{"token": "Hi", "bytes": [72, 105], "logprob": -0.5, "top_logprobs": []}],
        },
        {"type": "refusal", "refusal": "No"},
    ],
}


def decode(body: dict[str, Any]) -> ChatRequest:
    """What a caller asks."""
    return SERVER.decode_request(
        ServerRequest(method="POST", path="/", body=json.dumps({"model": "m"} | body).encode())
    )


def encode(request: ChatRequest, client: OpenAIResponsesClient = CLIENT) -> dict[str, Any]:
    """What a service is sent."""
    env = fixed_env()
    message = client.encode_request(client.fit(request, env.profile), env)
    assert isinstance(message, HttpRequest)
    body: dict[str, Any] = json.loads(message.body)
    return body
