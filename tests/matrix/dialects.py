"""Who plays each dialect at both ends. A dialect that is added gets a row in both tables."""

from tests.matrix import (
    caller_anthropic,
    caller_gemini,
    caller_ollama,
    caller_openai_chat,
    caller_openai_responses,
    service_anthropic,
    service_gemini,
    service_ollama,
    service_openai_chat,
    service_openai_responses,
)
from tests.matrix.exchange import Service
from tests.matrix.hearing import Caller

CALLERS: dict[str, Caller] = {
    "openai-chat": caller_openai_chat.CALLER,
    "openai-responses": caller_openai_responses.CALLER,
    "anthropic": caller_anthropic.CALLER,
    "gemini": caller_gemini.CALLER,
    "ollama": caller_ollama.CALLER,
}
SERVICES: dict[str, Service] = {
    "openai-chat": service_openai_chat.SERVICE,
    "openai-responses": service_openai_responses.SERVICE,
    "anthropic": service_anthropic.SERVICE,
    "gemini": service_gemini.SERVICE,
    "ollama": service_ollama.SERVICE,
}
