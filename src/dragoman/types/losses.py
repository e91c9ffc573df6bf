"""Losses: what a translation did not carry, what it changed, and what it refuses. A closed union; knows no protocol.

Each kind is a class with a row in two tables: how severe it is, and how it is worded. The tables are in the same file
as the union, because a loss knows its own severity and sentence; one without a row cannot be made.
"""

from collections.abc import Iterable
from enum import IntEnum
from itertools import islice

from msgspec import Struct


class Severity(IntEnum):
    """How much a loss matters."""

    NOTE = 1
    """The same meaning arrives in another form: it is neither listed for callers nor refused."""
    LOSS = 2
    """Something does not arrive; `strict` refuses it."""
    ERROR = 3
    """Always refused: the answer would be one to another question."""


class BaseLoss(Struct, frozen=True, tag_field="kind"):
    """What every loss has. Raises KeyError if the kind has no row in one of the tables."""

    name: str
    """The field, or the place of the part: `seed`, `messages[0].parts[1] (image)`, `answer.reasoning`."""

    def __post_init__(self) -> None:
        _ = SEVERITIES[type(self)], WORDS[type(self)]

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return SEVERITIES[type(self)]

    @property
    def words(self) -> str:
        """A sentence: what was lost, and why."""
        return WORDS[type(self)].format(loss=self)

    def __str__(self) -> str:
        return self.words


class LostField(BaseLoss, frozen=True, tag="lost_field"):
    """A setting of the request that the service's protocol does not have."""


class LostPart(BaseLoss, frozen=True, tag="lost_part"):
    """A part of a message that the service's protocol does not have."""


class LostDetail(BaseLoss, frozen=True, tag="lost_detail"):
    """An attribute of a message or of a part that the service's protocol does not have."""


class LostExtra(BaseLoss, frozen=True, tag="lost_extra"):
    """A field of the request that only `protocol` has."""

    protocol: str


class UntakenField(BaseLoss, frozen=True, tag="untaken_field"):
    """A setting of the request that the family of models does not take."""


class UntakenPart(BaseLoss, frozen=True, tag="untaken_part"):
    """A part of a message that the family of models does not take."""


class UntakenBeta(BaseLoss, frozen=True, tag="untaken_beta"):
    """A beta that the caller asks for, and that the service refuses: it is asked without."""


class LostSchema(BaseLoss, frozen=True, tag="lost_schema"):
    """A schema of a tool, which cannot be understood: the tool is sent as one that takes or gives anything."""

    reason: str
    """What is wrong with it."""


class UnansweredCall(BaseLoss, frozen=True, tag="unanswered_call"):
    """A call that has no result, and what the model thought before it, if it said nothing else."""


class LostAnswerField(BaseLoss, frozen=True, tag="lost_answer_field"):
    """A fact about the answer that the caller's protocol does not have."""


class LostAnswerPart(BaseLoss, frozen=True, tag="lost_answer_part"):
    """A part of the answer that the caller's protocol does not have."""


class LostAnswerExtra(BaseLoss, frozen=True, tag="lost_answer_extra"):
    """A field of the answer that only `protocol` has."""

    protocol: str


class LostChoice(BaseLoss, frozen=True, tag="lost_choice"):
    """A further answer: only the first choice is read."""


class LostEvent(BaseLoss, frozen=True, tag="lost_event"):
    """An event of a stream, of a kind that is not read."""


class LossBehind(BaseLoss, frozen=True, tag="loss_behind"):
    """What the service, a gateway itself, says it has lost on its own way to a model, or back."""


class ChangedField(BaseLoss, frozen=True, tag="changed_field"):
    """A setting that arrives as the nearest one that the service's protocol has: `reasoning.budget_tokens`."""


class ChangedRole(BaseLoss, frozen=True, tag="changed_role"):
    """A turn whose role has another name in the service's protocol: `developer` is sent as `system`."""


class ChangedSchema(BaseLoss, frozen=True, tag="changed_schema"):
    """A schema, of a tool or of the answer, without keywords that the service or the model's family does not take."""


class RewrittenSchema(BaseLoss, frozen=True, tag="rewritten_schema"):
    """Such a schema that says some keywords in another form, or in the words of a description."""


class MovedMessage(BaseLoss, frozen=True, tag="moved_message"):
    """A system message that was moved: the service's protocol allows it in another place only."""


class MovedPart(BaseLoss, frozen=True, tag="moved_part"):
    """A part of a tool's result that follows in a turn of its own: the service takes it from users only."""


class PromptedTools(BaseLoss, frozen=True, tag="prompted_tools"):
    """Tools, calls or results that are told to the model in words: the service's protocol has none."""


class RenamedTool(BaseLoss, frozen=True, tag="renamed_tool"):
    """A tool that the service gets under another name; the caller gets calls of it under its own."""


class EmulatedCompaction(BaseLoss, frozen=True, tag="emulated_compaction"):
    """The conversation is not compacted by the service: its model is asked for a summary."""


class EmulatedForm(BaseLoss, frozen=True, tag="emulated_form"):
    """The form of the answer: the model is told it in words, and the library checks the answer."""


class WordedForm(BaseLoss, frozen=True, tag="worded_form"):
    """The form of the answer, which the model is also told in words, because the service demands that."""


class AddedWords(BaseLoss, frozen=True, tag="added_words"):
    """A turn in or before which the model seems to have said some words, because the service wants that."""


class EmulatedGrammar(BaseLoss, frozen=True, tag="emulated_grammar"):
    """The grammar of a freeform tool: the model is told it in words, and its calls are checked."""


class UncheckedGrammar(BaseLoss, frozen=True, tag="unchecked_grammar"):
    """Such a grammar, if its check takes too long or is not installed: the call passes as it is."""


class ContinuedAnswer(BaseLoss, frozen=True, tag="continued_answer"):
    """The answer: its service broke off, and another attempt went on from its text."""


class RefusedPrefill(BaseLoss, frozen=True, tag="refused_prefill"):
    """The caller wrote the beginning of the answer, which the family of models does not continue."""


class RefusedField(BaseLoss, frozen=True, tag="refused_field"):
    """A setting that no translation can follow."""


class RefusedReference(BaseLoss, frozen=True, tag="refused_reference"):
    """A reference to what only another service keeps, or what only services of that protocol do."""


class RefusedQuestion(BaseLoss, frozen=True, tag="refused_question"):
    """The user's last turn, of which nothing is left: the answer would be one to what was said before."""


Lost = (
    LostField
    | LostPart
    | LostDetail
    | LostExtra
    | UntakenField
    | UntakenPart
    | UntakenBeta
    | LostSchema
    | UnansweredCall
    | LostAnswerField
    | LostAnswerPart
    | LostAnswerExtra
    | LostChoice
    | LostEvent
    | LossBehind
)
Changed = (
    ChangedField
    | ChangedRole
    | ChangedSchema
    | RewrittenSchema
    | MovedMessage
    | MovedPart
    | PromptedTools
    | RenamedTool
    | EmulatedCompaction
    | EmulatedForm
    | WordedForm
    | AddedWords
    | EmulatedGrammar
    | UncheckedGrammar
    | ContinuedAnswer
)
Refused = RefusedPrefill | RefusedField | RefusedReference | RefusedQuestion
Loss = Lost | Changed | Refused

SEVERITIES: dict[type[BaseLoss], Severity] = {
    LostField: Severity.LOSS,
    LostPart: Severity.LOSS,
    LostDetail: Severity.LOSS,
    LostExtra: Severity.LOSS,
    UntakenField: Severity.LOSS,
    UntakenPart: Severity.LOSS,
    UntakenBeta: Severity.LOSS,
    LostSchema: Severity.LOSS,
    UnansweredCall: Severity.LOSS,
    LostAnswerField: Severity.LOSS,
    LostAnswerPart: Severity.LOSS,
    LostAnswerExtra: Severity.LOSS,
    LostChoice: Severity.LOSS,
    LostEvent: Severity.LOSS,
    LossBehind: Severity.LOSS,
    ChangedField: Severity.LOSS,
    ChangedRole: Severity.NOTE,
    ChangedSchema: Severity.LOSS,
    RewrittenSchema: Severity.NOTE,
    MovedMessage: Severity.NOTE,
    MovedPart: Severity.NOTE,
    PromptedTools: Severity.NOTE,
    RenamedTool: Severity.NOTE,
    EmulatedCompaction: Severity.LOSS,
    EmulatedForm: Severity.NOTE,
    WordedForm: Severity.NOTE,
    AddedWords: Severity.NOTE,
    EmulatedGrammar: Severity.LOSS,
    UncheckedGrammar: Severity.LOSS,
    ContinuedAnswer: Severity.LOSS,
    RefusedPrefill: Severity.ERROR,
    RefusedField: Severity.ERROR,
    RefusedReference: Severity.ERROR,
    RefusedQuestion: Severity.ERROR,
}
"""How severe each kind is."""

WORDS: dict[type[BaseLoss], str] = {
    LostField: "{loss.name} was left out: the service's protocol has no such setting",
    LostPart: "{loss.name} was left out: the service's protocol has no such part",
    LostDetail: "{loss.name} was left out: the service's protocol has no such field",
    LostExtra: "{loss.name} was left out: only the protocol {loss.protocol} has such a field",
    UntakenField: "{loss.name} was left out: models of this family do not take it",
    UntakenPart: "{loss.name} was left out: models of this family are not known to take it",
    UntakenBeta: "{loss.name} was left out: the service refuses it",
    LostSchema: "{loss.name} cannot be understood, and anything is valid in its place: {loss.reason}",
    UnansweredCall: "{loss.name} was left out: the service takes no call without its result",
    LostAnswerField: "{loss.name} was left out: the caller's protocol has no such field",
    LostAnswerPart: "{loss.name} was left out: the caller's protocol has no such part",
    LostAnswerExtra: "{loss.name} was left out: only the protocol {loss.protocol} has such a field",
    LostChoice: "{loss.name} was left out: one answer is read",
    LostEvent: "{loss.name} was left out: events of this kind are not read",
    LossBehind: "{loss.name} was lost behind the service, which is a gateway and says so",
    ChangedField: "{loss.name} is sent as the nearest setting that the service's protocol has",
    ChangedRole: "{loss.name} is told as the nearest role that the service's protocol has",
    ChangedSchema: "{loss.name} were left out: the service or the model does not take these keywords of JSON Schema",
    RewrittenSchema: "{loss.name} are said in another form or in the description",
    MovedMessage: "{loss.name} was moved: the service's protocol has system messages in one place only",
    MovedPart: "{loss.name} follows in a user's turn: the service does not take it in the result of a tool",
    PromptedTools: "{loss.name} is told to the model in words: the service's protocol has no tools",
    RenamedTool: "{loss.name} is another one at the service, which does not take it",
    EmulatedCompaction: "{loss.name} is emulated: the service has none, and its model is asked for a summary",
    EmulatedForm: "{loss.name} is told to the model in words, and its answer is checked",
    WordedForm: "{loss.name} is told to the model in words too, without which the service refuses it",
    AddedWords: "{loss.name} has some words of the model, without which the service refuses the conversation",
    EmulatedGrammar: "{loss.name} is emulated: it is told to the model in words, and its calls are checked",
    UncheckedGrammar: "{loss.name} was not checked: the grammar cannot be read here, or the check takes too long",
    ContinuedAnswer: "{loss.name} by another attempt, from its text on: the one that began it broke off",
    RefusedPrefill: "{loss.name} begins the answer, which models of this family only do themselves",
    RefusedField: "{loss.name} cannot be followed when a request is translated",
    RefusedReference: "{loss.name} means something to another service alone",
    RefusedQuestion: "{loss.name} asks nothing that the service takes: all of its parts would be left out",
}
"""The sentence of each kind."""


def names(losses: Iterable[Loss], most: int | None = None) -> tuple[str, ...]:
    """The names of what does not arrive, the first `most` of them; notes are left out."""
    return tuple(islice((loss.name for loss in losses if loss.severity > Severity.NOTE), most))
