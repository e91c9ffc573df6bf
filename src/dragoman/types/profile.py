"""What a family of models needs and takes, at every service that offers it. Knows no family."""

from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import asdict

from dragoman.types.schemas import SchemaLimit

CallIds = Literal["plain", "short", "nine"]
"""`plain`: letters, digits, `_` and `-`, in Anthropic's protocol. `short`: at most 40 characters in Chat Completions,
64 in Responses. `nine`: nine letters and digits, in Chat Completions."""


class ModelProfile(Struct, frozen=True, kw_only=True):
    """Facts about a family of models. None: not known."""

    reasoning_returns: bool | None = None
    """Whether the models need their earlier reasoning sent back."""
    unsupported_fields: tuple[str, ...] | None = None
    """Fields of ChatRequest that the models refuse."""
    context: int | None = None
    """Tokens of a conversation with its answer, or those of its input, as the service counts."""
    most_output: int | None = None
    """The most tokens that a request may allow for the answer."""
    images: bool | None = None
    """Whether they take images."""
    tools: bool | None = None
    """Whether they take tools."""
    prefill: bool | None = None
    """Whether they continue an assistant's message at the end of the conversation."""
    thinking_levels: bool | None = None
    """Whether they take a level of thinking (`low`, `high`) instead of a number of tokens."""
    efforts: tuple[str, ...] | None = None
    """The only efforts of thinking that they take. Without `none` they always think; if there are none, they refuse
    each setting of how much they think."""
    least_budget: int | None = None
    """The fewest tokens of thinking that they take, other than none at all. 0: none at all is taken as a number, even
    if `none` is not among their efforts."""
    most_budget: int | None = None
    """The most tokens of thinking that they take."""
    single_sampling: bool | None = None
    """Whether they take only one of `temperature` and `top_p` in a request."""
    call_ids: CallIds | None = None
    """What the id of a call must be."""
    sampling_with_effort: bool | None = None
    """Whether they take settings of the choice among tokens while they think."""
    effort_with_tools: bool | None = None
    """Whether they think if there are functions, in OpenAI's own Chat Completions."""
    breakpoints: bool | None = None
    """Whether they take cache breakpoints."""
    signed_calls: bool | None = None
    """Whether the first call of each step of the current turn must have its signature."""
    mixed_tools: bool | None = None
    """Whether they take tools of the service beside functions."""
    result_media: bool | None = None
    """Whether results of tools may hold pictures, sound and files."""
    form_with_tools: bool | None = None
    """Whether they take a form of the answer other than text beside tools."""
    user_after_results: bool | None = None
    """Whether another than the model may speak right after what a tool gave."""
    system_anywhere: bool | None = None
    """Whether there may be more than one message of the system, and after the beginning of the conversation."""
    freeform_tools: bool | None = None
    """Whether they know tools that are given any text, in OpenAI's protocols."""
    schema_keywords: tuple[str, ...] | None = None
    """The only keywords of JSON Schema that parameters of tools may use."""
    schema_formats: tuple[str, ...] | None = None
    """The only values of the keyword `format`."""
    schema_limits: tuple[SchemaLimit, ...] | None = None
    """Forms of JSON Schema that they refuse."""
    schema_depth: int | None = None
    """How many schemas may stand inside each other."""
    format_keywords: tuple[str, ...] | None = None
    """The only keywords of JSON Schema that the form of an answer may use."""
    format_formats: tuple[str, ...] | None = None
    """The only values of the keyword `format` there."""
    format_limits: tuple[SchemaLimit, ...] | None = None
    """Forms of JSON Schema that they refuse there."""

    def of_settings(self) -> tuple[object, ...]:
        """The facts about settings of a request, for which a relay looks at it."""
        thinking = (self.efforts, self.thinking_levels, self.effort_with_tools)
        sampling = (self.single_sampling, self.sampling_with_effort)
        order = (self.user_after_results, self.system_anywhere)
        tools = (self.form_with_tools, self.freeform_tools)
        return (*thinking, *sampling, *order, *tools, self.unsupported_fields, self.most_output)

    def over(self, earlier: "ModelProfile") -> "ModelProfile":
        """Both as one; if both know a fact, this one's holds."""
        known: dict[str, Any] = {name: value for name, value in asdict(self).items() if value is not None}
        return ModelProfile(**asdict(earlier) | known)
