"""What a service is asked in place of a request, and what of the request it does not get. Knows no protocol by name."""

from msgspec import Struct

from dragoman.engine import forms
from dragoman.engine.compaction import compacting
from dragoman.engine.renamed import with_sent_tools
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.tools.names import ToolNames
from dragoman.protocols.wordless import unasked, without_emptied
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
    asked, changed = compacting(request, native=codec.compacts(request))
    sent, names = with_sent_tools(asked, codec, profile)
    if names is not None:
        changed = (*changed, *names.losses(asked))
    lost = codec.losses(sent, profile)
    lost = (*lost, *unasked(sent, lost, codec.name))
    sent, lost = forms.in_words(without_emptied(sent, lost), (*changed, *lost))
    return Question(sent, lost, summary=request.compact and not sent.compact, names=names)
