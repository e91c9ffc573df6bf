"""What a service is asked in place of a request, and what of the request it does not get. Knows no protocol by name."""

from msgspec import Struct

from dragoman.engine import forms
from dragoman.engine.compaction import asked as compacting
from dragoman.engine.renamed import names_for
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.tool_names import ToolNames
from dragoman.protocols.tool_search import RESULTS, found_in_words
from dragoman.types import ChatRequest, Loss, ModelProfile


class Question(Struct, frozen=True):
    """A request as a service is asked it; the service's codec still fits it to the model."""

    request: ChatRequest
    losses: tuple[Loss, ...]
    summary: bool
    """Whether it asks for a summary of the conversation, in place of an answer."""
    names: ToolNames | None
    """The names of tools that are others than the caller's."""


def question(request: ChatRequest, codec: ClientCodec, profile: ModelProfile) -> Question:
    """What the service of `codec` is asked. Raises InvalidRequestError if there is nothing that it could be asked."""
    asked, changed = compacting(request, codec.expresses)
    names = names_for(asked, codec)
    if names is not None:
        changed = (*changed, *names.losses(asked))
        asked = names.renamed(asked)
    if RESULTS not in codec.expresses:
        asked = found_in_words(asked)
    asked, lost = forms.told(asked, (*changed, *codec.losses(asked, profile)))
    return Question(asked, lost, summary=request.compact and not asked.compact, names=names)
