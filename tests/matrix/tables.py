"""What a dialect cannot do, and why: one row each. What has no row must be carried, from end to end."""

from msgspec import Struct

UNASKED: dict[str, dict[str, str]] = {
    "openai-chat": {"tool result with an image": "results are text in the vendor's types"},
    "openai-responses": {"stop sequence": "there is no such setting"},
    "anthropic": {"freeform tool": "there are no such tools"},
    "gemini": {"freeform tool": "there are no such tools"},
    "ollama": {"PDF": "messages have images only", "freeform tool": "there are no such tools"},
}
"""Scenarios that a caller's dialect cannot ask for."""

UNSAID: dict[str, dict[str, str]] = {
    "openai-chat": {},
    "openai-responses": {},
    "anthropic": {"content filter": "its word is `refusal`"},
    "gemini": {"refusal": "its words are those of filters"},
    "ollama": {
        "refusal": "it has no word for it",
        "content filter": "it has no word for it",
        "citations": "it has none",
        "usage with cache": "it does not count them apart",
    },
}
"""Scenarios that a service's dialect cannot say."""

FINISH: dict[str, dict[str, str]] = {
    "openai-chat": {
        "done": "stop",
        "tool": "tool_calls",
        "length": "length",
        "stop_sequence": "stop",
        "refusal": "stop",
        "filter": "content_filter",
    },
    "openai-responses": {
        "done": "completed",
        "tool": "completed",
        "length": "max_output_tokens",
        "stop_sequence": "completed",
        "refusal": "completed",
        "filter": "content_filter",
    },
    "anthropic": {
        "done": "end_turn",
        "tool": "tool_use",
        "length": "max_tokens",
        "stop_sequence": "stop_sequence",
        "refusal": "refusal",
        "filter": "refusal",
    },
    "gemini": {
        "done": "STOP",
        "tool": "STOP",
        "length": "MAX_TOKENS",
        "stop_sequence": "STOP",
        "refusal": "SAFETY",
        "filter": "SAFETY",
    },
    "ollama": {
        "done": "stop",
        "tool": "stop",
        "length": "length",
        "stop_sequence": "stop",
        "refusal": "refusal",
        "filter": "content_filter",
    },
}
"""The caller's words. Ollama's server has no words for the last two; ours are honest, and its clients take any."""

NO_FREEFORM = frozenset({"anthropic", "gemini", "ollama"})
"""Services to which a freeform tool is a function with the field `input`."""

NO_RESULT_IMAGES = frozenset({"openai-chat"})
"""Services that take pictures from users only: those of results follow in a user's turn."""

NO_SOURCES = frozenset({"ollama"})
NO_DETAILS = frozenset({"ollama"})
"""No counts of cached tokens and of reasoning."""
NO_PROOF = frozenset({"ollama"})
"""Services that have none. Callers of the protocol drop it, and it is kept for them."""
NO_SWITCH = frozenset({("ollama", "openai-chat"), ("ollama", "openai-responses")})
"""The caller says only that it wants reasoning, the service wants to know how much."""


class Lost(Struct, frozen=True):
    """A loss that must be named, in translations with these callers, services and scenarios; empty means all."""

    name: str
    """A regular expression for the whole name."""
    why: str
    callers: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    scenes: frozenset[str] = frozenset()

    def holds(self, caller: str, service: str, scene: str) -> bool:
        """Whether it is about this translation."""
        return (
            (not self.callers or caller in self.callers)
            and (not self.services or service in self.services)
            and (not self.scenes or scene in self.scenes)
        )


def _row(name: str, why: str, *, callers: str = "", services: str = "", scenes: str = "") -> Lost:
    wanted = frozenset(filter(None, scenes.split(", ")))
    return Lost(name, why, frozenset(callers.split()), frozenset(services.split()), wanted)


CALLING = "one tool, two parallel tools, tool result, tool result with an image, reasoning round trip"
THINKING = "reasoning, reasoning round trip"
LOST: tuple[Lost, ...] = (
    _row(r"messages\[0\]\.parts\[1\] \(file\)", "there are images only", services="ollama", scenes="PDF"),
    _row(
        r"messages\[0\]\.parts\[1\]\.name",
        "Google's own API names no inline files",
        callers="openai-chat openai-responses",
        services="gemini",
        scenes="PDF",
    ),
    _row("stop", "there is no such setting", services="openai-responses", scenes="stop sequence"),
    _row(
        r"answer\.stop_sequence",
        "only Anthropic tells which one it was",
        callers="openai-chat openai-responses gemini ollama",
        services="anthropic",
        scenes="stop sequence",
    ),
    _row(
        r"answer\.candidate\.groundingMetadata",
        "the citations arrive, the searches around them do not",
        services="gemini",
        scenes="citations",
    ),
    _row(r"answer\.text\.citations\.url", "there are none", callers="ollama", scenes="citations"),
    _row(
        r"answer\.text\.citations\.(quote|encrypted_index)",
        "only Anthropic says what was quoted, and wants its own mark back",
        callers="openai-chat openai-responses gemini",
        services="anthropic",
        scenes="citations",
    ),
    _row(
        r"answer\.text\.citations\.text_range",
        "a citation is of a whole block of text",
        callers="anthropic",
        services="openai-chat openai-responses gemini",
        scenes="citations",
    ),
    _row(
        r"answer\.usage\.reasoning_tokens",
        "it counts input and output",
        callers="ollama",
        services="openai-chat openai-responses anthropic gemini",
        scenes=THINKING,
    ),
    _row(
        r"answer\.usage\.cache_(read|write)_tokens",
        "it counts input and output",
        callers="ollama",
        services="openai-chat openai-responses anthropic gemini",
        scenes="usage with cache",
    ),
    _row(
        r"messages\[0\]\.parts\[0\]\.cache",
        "it has no marks in a request",
        callers="anthropic",
        services="gemini ollama",
        scenes="usage with cache",
    ),
    _row(
        r"answer\.refusal",
        "it arrives as text",
        callers="gemini",
        services="openai-chat openai-responses",
        scenes="refusal",
    ),
    _row(
        r"reasoning\.mode",
        "it has degrees of effort, and no other switch",
        callers="anthropic",
        services="openai-chat",
        scenes=THINKING,
    ),
    _row(
        r"reasoning\.mode",
        "it has degrees of effort, and no other switch",
        callers="ollama",
        services="openai-chat openai-responses",
        scenes=THINKING,
    ),
    _row(
        r"reasoning\.effort",
        "most of its models think or do not",
        callers="openai-chat openai-responses anthropic gemini",
        services="ollama",
        scenes=THINKING,
    ),
    _row(r"reasoning\.mode", "thinking is on or off", callers="anthropic", services="ollama", scenes=THINKING),
    _row(r"reasoning\.mode", "it has levels and budgets", callers="ollama", services="gemini", scenes=THINKING),
    _row(
        r"reasoning\.display",
        "it always shows it",
        callers="openai-responses gemini",
        services="openai-chat ollama",
        scenes=THINKING,
    ),
    _row(
        r"tools\[[01]\]\.strict",
        "no tool is strict there",
        callers="openai-responses",
        services="gemini ollama",
        scenes=CALLING,
    ),
    _row(
        r"messages\[1\]\.parts\[0\]\.form",
        "it does not tell summaries apart",
        callers="gemini",
        services="ollama",
        scenes="reasoning round trip",
    ),
    _row(
        r"answer\.(reasoning|text|tool_call)\.opaque",
        "its messages have no place for signatures",
        callers="ollama",
        services="openai-chat openai-responses anthropic gemini",
        scenes=THINKING,
    ),
)
"""What is lost, and why. A relay loses nothing."""

BEFORE: dict[str, dict[str, tuple[str, int]]] = {
    "openai-chat": {
        "401": ("AuthenticationError", 401),
        "429": ("RateLimitError", 429),
        "500": ("InternalServerError", 500),
        "overloaded": ("InternalServerError", 503),
        "cut": ("InternalServerError", 502),
        "error": ("InternalServerError", 500),
        "silence": ("InternalServerError", 504),
    },
    "anthropic": {
        "401": ("AuthenticationError", 401),
        "429": ("RateLimitError", 429),
        "500": ("InternalServerError", 500),
        "overloaded": ("OverloadedError", 529),
        "cut": ("InternalServerError", 502),
        "error": ("InternalServerError", 500),
        "silence": ("GatewayTimeoutError", 504),
    },
    "gemini": {
        "401": ("ClientError", 401),
        "429": ("ClientError", 429),
        "500": ("ServerError", 500),
        "overloaded": ("ServerError", 503),
        "cut": ("ServerError", 502),
        "error": ("ServerError", 500),
        "silence": ("ServerError", 504),
    },
    "ollama": {
        "401": ("ResponseError", 401),
        "429": ("ResponseError", 429),
        "500": ("ResponseError", 500),
        "overloaded": ("ResponseError", 503),
        "cut": ("ResponseError", 502),
        "error": ("ResponseError", 500),
        "silence": ("ResponseError", 504),
    },
}
BEFORE["openai-responses"] = BEFORE["openai-chat"]
"""A failure before the first content: the class of the Python client's error, and its status."""

WITHIN = {
    "openai-chat": "APIError",
    "openai-responses": "APIError",
    "anthropic": "APIStatusError",
    "gemini": "ServerError",
    "ollama": "ResponseError",
}
"""A failure after the first content of a stream: what the Python client makes of it."""
