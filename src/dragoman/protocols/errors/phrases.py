"""What services write in the message of a failure that has no code, or a vague one. Knows no protocol.

Agents shorten their conversation, ask for another key, wait or give up by the error that they are given, so that it
must be recognised in every wording.
"""

import re
from collections.abc import Mapping

from dragoman.errors import (
    AuthenticationError,
    ContentFilterError,
    ContextLengthError,
    DragomanError,
    ModelNotFoundError,
    NoOperationError,
    PermissionDeniedError,
    QuotaExhaustedError,
    UnsupportedFeatureError,
)

Phrases = Mapping[str, type[DragomanError]]
"""What services write in their message or code, in lower case and without backticks, to the error that it means."""

PHRASES: Phrases = {
    phrase: kind
    for kind, phrases in {
        ContextLengthError: (
            "maximum context length",
            "context length exceeded",
            "exceeds the available context size",
            "prompt is too long",
            "prompt too long",
            "exceeds the maximum number of tokens",
            "exceed context limit",
            "exceeds the context window",
            "exceeds the context length",
            "reduce the length of the messages",
            "input tokens exceed the configured limit",
            # Bedrock, xAI, SGLang, vLLM
            "input is too long for requested model",
            "maximum prompt length is",
            "longer than the model's context length",
            "longer than the maximum model length",
            "the model's context length is only",
            # LM Studio, MiniMax, Kimi, GLM, Qwen
            "context size has been exceeded",
            "greater than the context length",
            "loaded with context length of only",
            "context window exceeds limit",
            "exceeded model token limit",
            "prompt exceeds max length",
            "range of input length should be",
            # Text Generation Inference, DeepInfra, Poolside, Vertex AI, LiteLLM
            "inputs tokens + max_new_tokens must be",
            "inputs must have less than",
            "exceeds maximum input length",
            "maximum allowed input length",
            "but model only supports up to",
            "contextwindowexceedederror",
            # SGLang, SiliconFlow, Volcengine, Cloudflare, GitHub Copilot, DS4
            "exceeds the maximum allowed length",
            "must be less than max_seq_len",
            "exceed max message tokens",
            "exceeded this model context window limit",
            "prompt token count of",
            "but the configured context size is",
            "exceeds the model's context window",
            # llama.cpp (b11549), of texts to embed
            "too large to process. increase the physical batch size",
            # OpenAI and Groq: larger than what an account may send in a minute, so that no wait helps.
            "request too large for",
        ),
        ContentFilterError: ("blocked by content filtering policy",),
        # llama.cpp (b11549) says all of these with a status from 500 on, as if it were broken.
        UnsupportedFeatureError: (
            "image input is not supported",
            "audio input is not supported",
            "video input is not supported",
        ),
        NoOperationError: ("does not support embeddings",),
    }.items()
    for phrase in phrases
}
"""OpenAI's, Anthropic's and Gemini's first, and those that other services share with them."""

MODEL_PHRASES = (
    "model not exist",
    "is not a valid model id",
    "unknown model",
    "has been decommissioned",
    "invalid model name passed in model=",
    "provided model identifier is invalid",
    "with on-demand throughput isn",
    "support on-demand throughput",
    "malformed publisher model",
    "is not allowed to use publisher model",
)
"""DeepSeek, OpenRouter, GLM and GitHub Models, Groq, LiteLLM (1.108.7), Bedrock (gethouston/houston#1471), Vertex AI
(yym68686/uni-api#41); with a status that says that the request is wrong."""

OF_REQUEST = frozenset({400, 404, 422})
"""Statuses with which a service says that it has no such model."""

OPENINGS: Mapping[re.Pattern[str], type[DragomanError]] = {
    re.compile(
        r"your credit balance is too low"
        r"|you have reached your specified (?:workspace )?api usage limits"
        r"|your prepayment credits are depleted"
        r"|your account is not active"
        r"|billing hard limit has been reached"
        r"|insufficient (?:account )?balance"
        r"|your workspace is out of credits"
        r"|your team (?:\S{1,80} )?has either used all available credits"
        r"|access denied, please make sure your account is in good standing"
        r"|you(?: (?:\(\S{1,80}\) )?have|['’]ve) reached your \w{1,20} (?:\([\w-]{1,20}\) )?usage limit"
        r"|(?:daily|weekly|monthly) usage limit reached"
        r"|(?:\[\d{1,9}\]\[)?usage limit reached for \d"
    ): QuotaExhaustedError,
    re.compile(
        r"incorrect api key provided"
        r"|api key not valid"
        r"|bearer token has expired"
        r"|authentication failed: please make sure your api key is valid"
        r"|invalid api key format"
        r"|authorization header is missing"
        r"|the security token included in the request is (?:expired|invalid)"
    ): AuthenticationError,
    # Gemini, with 400 for every request from there: google-gemini/gemini-cli#1993
    re.compile(r"user location is not supported for the api use"): PermissionDeniedError,
}
"""How a message of Anthropic, Gemini, OpenAI (manaflow-ai/subrouter#346), DeepSeek, Sub2API, GLM, xAI, Qwen, Ollama's
cloud, Kimi and opencode begins; the last three of the first kind are of plans whose limit holds for hours or days.
Bedrock says of a key with 403 that it is wrong or has expired (seen 2026-11-29).

All targets with the key rest after such an error, so that no caller must be able to bring it about: what a service
repeats of a request never stands first.
"""


def meant(status: int, text: str, phrases: Phrases = PHRASES) -> type[DragomanError] | None:
    """The error that `text` means, in lower case and without backticks; None if it is not known."""
    if (found := next((kind for phrase, kind in phrases.items() if phrase in text), None)) is not None:
        return found
    if phrases is not PHRASES:
        return meant(status, text)
    if status in OF_REQUEST and any(phrase in text for phrase in MODEL_PHRASES):
        return ModelNotFoundError
    return next((kind for opening, kind in OPENINGS.items() if opening.match(text)), None)
