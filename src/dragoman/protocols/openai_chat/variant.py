"""How a service differs from others of this protocol: switches, each with one meaning. Knows no service."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal

from msgspec import Struct

from dragoman.protocols.openai_shared.cache import CACHED, BreakpointField
from dragoman.protocols.speech import DEVELOPER, NAMES
from dragoman.protocols.tools.cut_calls import SAYABLE as CUT_CALL
from dragoman.types import ChatRequest, ToolChoice

ChoiceMode = Literal["auto", "none", "required", "tool"]

ThinkingField = Literal["reasoning_effort", "thinking", "thinking_or_effort", "enable_thinking", "reasoning"]

EVERY_CHOICE: tuple[ChoiceMode, ...] = ("auto", "none", "required", "tool")

WEAKER: dict[ChoiceMode, ChoiceMode] = {"tool": "required", "required": "auto", "none": "auto"}
"""A choice of a tool to the nearest one that is asked for if the service does not take it."""

THINKING: dict[ThinkingField, frozenset[str]] = {
    "reasoning_effort": frozenset({"reasoning.effort"}),
    "thinking": frozenset({"reasoning.mode", "reasoning.effort"}),
    "thinking_or_effort": frozenset({"reasoning.mode", "reasoning.effort"}),
    "enable_thinking": frozenset({"reasoning.mode", "reasoning.budget_tokens"}),
    "reasoning": frozenset({"reasoning.mode", "reasoning.effort", "reasoning.budget_tokens"}),
}
"""What of a request's settings for thinking each field can say."""


class Variant(Struct, frozen=True, kw_only=True):
    """How a service differs from others of this protocol. The defaults hold for most of them."""

    max_tokens_field: str = "max_tokens"
    """OpenAI wants `max_completion_tokens`; most others know only `max_tokens`."""
    seed_field: str = "seed"
    """Mistral calls it `random_seed`."""
    reasoning_field: str = "reasoning_content"
    """The field of an assistant's message that takes its earlier reasoning back."""
    thinking_parts: bool = False
    """Whether it stands in the message's content instead, as parts of the type `thinking`."""
    missing_reasoning: str | None = None
    """What stands in that field of each assistant's message that came from elsewhere, if the models need their
    reasoning back; None: the field may be missing."""
    thinking_field: ThinkingField = "reasoning_effort"
    """How thinking is asked for: `reasoning_effort` (a word), `thinking` (`{"type": "enabled"}`, and the word beside
    it), `thinking_or_effort` (one of these two, since both are refused), `enable_thinking` (a boolean, and
    `thinking_budget`) or `reasoning` (`{"effort": …, "max_tokens": …}`)."""
    efforts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """The only efforts of thinking that the service takes for models whose names match a pattern, in lower case."""
    limits: tuple[tuple[str, int], ...] = ()
    """The most tokens that a request may allow for the answer of models whose names match a pattern, in lower case."""
    effort_with_tools: bool = True
    """Whether an effort may stand beside functions; if not, models of which the profile says so do not think then."""
    tool_choices: tuple[ChoiceMode, ...] = EVERY_CHOICE
    """The choices of a tool that the service takes; any other is sent as the nearest weaker one."""
    thinking_choices: tuple[ChoiceMode, ...] = EVERY_CHOICE
    """The same, unless the request switches thinking off."""
    stream_usage: bool = True
    """Whether `stream_options` is taken, which asks for the usage at the end of a stream."""
    whole_answers: bool = True
    """Whether an answer may be asked for that is not streamed; a translation asks for none."""
    developer_role: bool = True
    """Whether there is the role `developer`; if not, it is sent as `system`."""
    message_names: bool = True
    """Whether a message may have a `name`."""
    strict_tools: bool = True
    """Whether a tool may have `strict`."""
    custom_tools: bool = True
    """Whether there are freeform tools; if not, each is a function with one string, and its grammar stands in words."""
    partial: bool = False
    """Whether the beginning of an answer, which is the assistant's turn at the end, is marked by `partial`, without
    which it is an earlier turn; the answer goes on from it and does not repeat it."""
    cut_calls: bool = False
    """Whether the arguments of an earlier call may be no JSON, as if the answer was cut at its limit; most services
    parse them, and refuse the conversation from then on."""
    json_schema: bool = True
    """Whether the form of an answer may be a JSON schema; if not, any JSON object is asked for."""
    json_object: bool = True
    """Whether it may be `json_object`; if not, a schema that allows any object is sent."""
    json_word: bool = False
    """Whether `json_object` is refused unless a message has the word JSON; if so, and none has it, one is added."""
    form_with_tools: bool = True
    """Whether either may stand beside tools; if not, no form is asked for then."""
    result_media: bool = True
    """Whether what a tool gave may hold pictures; if not, they follow in a user's turn, as other media always do."""
    file_urls: bool = True
    """Whether a file may be named by its URL."""
    web_search: bool = True
    """Whether there is `web_search_options`. A relay passes it: its caller may know a model that has it."""
    most_stops: int | None = None
    """How many texts of `stop` are taken; None: any number."""
    service_tiers: tuple[tuple[str, str], ...] | None = None
    """The only tiers that the service takes, in our words, each with its own; None: those of OpenAI."""
    cache_keys: bool = False
    """Whether `prompt_cache_key` is known, so that one may be sent for which the caller did not ask."""
    breakpoints: BreakpointField | None = None
    """The field of a part that is a cache breakpoint; None: the service has none, and may refuse OpenAI's."""
    refused_fields: tuple[str, ...] = ()
    """Fields of ChatRequest, kinds of parts, and `FAMILY_FIELDS`, that make the service refuse a request, or that it
    cannot follow."""

    def lacks(self) -> frozenset[str]:
        """What of the protocol the service does not have, in the words of `losses`."""
        switches = {
            DEVELOPER: self.developer_role,
            NAMES: self.message_names,
            "tool.strict": self.strict_tools,
            "tool.grammar": self.custom_tools,
            CUT_CALL: self.cut_calls,
            "tool_choice.names": "tool" in self.tool_choices,
            "file.url": self.file_urls,
            "hosted.web_search": self.web_search,
        }
        lost = frozenset(name for name, has in switches.items() if not has).union(self.refused_fields)
        return lost if self.breakpoints else lost | CACHED

    def efforts_for(self, model: str, known: Sequence[str] | None) -> Sequence[str] | None:
        """The only efforts that the service takes for `model`, of which these are `known` to be taken; None: any."""
        if self.thinking_field == "reasoning":
            return None  # such a service fits the effort itself: enricoros/big-AGI#940, seen 2026-11-28
        if known is not None and not known:
            return known
        return next((own for pattern, own in self.efforts if fnmatchcase(model.lower(), pattern)), known)

    def most_output_for(self, model: str, known: int | None) -> int | None:
        """The most tokens that a request may allow for the answer of `model`, of which `known` is known; None: any."""
        return next((own for pattern, own in self.limits if fnmatchcase(model.lower(), pattern)), known)

    def choice(self, request: ChatRequest) -> ToolChoice | None:
        """How the model is told to choose a tool; not the request's own choice if the service does not take that."""
        choice = request.tool_choice
        if choice is None:
            return None
        taken = self.tool_choices
        if not thinks_not(request):
            taken = tuple(mode for mode in taken if mode in self.thinking_choices)
        mode: ChoiceMode = choice.mode
        while mode not in taken and mode in WEAKER:
            mode = WEAKER[mode]
        if mode == choice.mode and (not choice.names or "tool" in taken):
            return choice
        return ToolChoice(mode)

    def weakens(self, request: ChatRequest) -> bool:
        """Whether the model gets more freedom to choose a tool than the request allows."""
        wanted, told = request.tool_choice, self.choice(request)
        if wanted is None or told is None or wanted.mode == "none":
            return False
        if wanted.mode == "tool" and told.mode == "required":
            return len(request.tools) > 1
        return told.mode != wanted.mode or (bool(wanted.names) and not told.names and "tool" in self.tool_choices)


USUAL = Variant()
"""A service like most others."""


def thinks_not(request: ChatRequest) -> bool:
    """Whether the request switches thinking off."""
    config = request.reasoning
    return config is not None and (config.mode == "off" or config.effort == "none")
