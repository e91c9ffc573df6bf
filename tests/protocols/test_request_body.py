"""A request with half a character is refused before it is sent, whatever is asked and in whichever protocol."""

import pytest

from dragoman.errors import InvalidRequestError
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.registry import DIALECTS
from dragoman.types import ChatRequest, EmbedRequest, user
from tests.protocols.test_golden import SUBJECTS
from tests.support.env import fixed_env

CODECS = {name: subject.codec for name, subject in SUBJECTS.items() if DIALECTS[name].relay}
"""Not the chat sites: their pages send U+FFFD for half a character, and sign it so."""
EMBEDDING = {name: codec for name, codec in CODECS.items() if codec.embeddings}
COUNTING = {name: codec for name, codec in CODECS.items() if codec.counter}

HALF = "half \ud83d"
CHAT = ChatRequest(model="m", messages=(user(HALF),))


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_a_chat(codec: ClientCodec) -> None:
    with pytest.raises(InvalidRequestError, match="half a character"):
        codec.encode_request(codec.fit(CHAT, fixed_env().profile), fixed_env())


@pytest.mark.parametrize("codec", EMBEDDING.values(), ids=EMBEDDING)
def test_texts_for_embeddings(codec: ClientCodec) -> None:
    assert codec.embeddings is not None
    with pytest.raises(InvalidRequestError, match="half a character"):
        codec.embeddings.encode_request(EmbedRequest(model="m", inputs=(HALF,)), fixed_env())


@pytest.mark.parametrize("codec", COUNTING.values(), ids=COUNTING)
def test_a_chat_whose_tokens_are_counted(codec: ClientCodec) -> None:
    assert codec.counter is not None
    with pytest.raises(InvalidRequestError, match="half a character"):
        codec.counter.encode_request(CHAT, fixed_env())
