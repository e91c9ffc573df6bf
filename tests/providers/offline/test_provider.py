"""The class `Offline`: the models as any other provider's."""

import pytest

from dragoman.errors import (
    InvalidRequestError,
    ModelNotFoundError,
    NoOperationError,
    RateLimitError,
    TruncatedStreamError,
)
from dragoman.providers.offline import Offline
from dragoman.transport.selector import Transports
from dragoman.types import EmbedRequest, floats


async def test_talks_without_network_or_key() -> None:
    messages = [{"role": "user", "content": "hello"}]
    assert await Offline.create_async("", messages) == "Hello. I am eliza. What is on your mind?"
    assert [text async for text in Offline.create_async_generator("echo", messages)] == ["hello"]


async def test_an_opened_stream_raises_what_a_script_begins_with() -> None:
    with pytest.raises(RateLimitError) as caught:
        await Offline.create_async_generator("script", [{"role": "user", "content": "error: 429 retry_after=7 wait"}])  # type: ignore[misc]  # it may be awaited
    assert caught.value.retry_after == 7


async def test_a_broken_answer_is_not_taken_for_a_whole_one() -> None:
    stream = Offline.create_async_generator("script", [{"role": "user", "content": "text: so far\ncut"}])
    assert [await anext(stream), await anext(stream)] == ["so ", "far"]
    with pytest.raises(TruncatedStreamError):
        await anext(stream)


async def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(ModelNotFoundError, match=r"elisa.*did you mean eliza"):
        await Offline.create_async("elisa", [{"role": "user", "content": "hello"}])
    assert Offline.get_models() == ["eliza", "echo", "script"]


async def test_vectors_have_the_size_that_was_asked_for_and_texts_alone_have_them() -> None:
    transports = Transports()
    found, _ = await Offline.embed(EmbedRequest(model="eliza", inputs=("a b", "")), transports)
    assert [len(floats(vector)) for vector in found.vectors] == [256, 256]
    with pytest.raises(InvalidRequestError, match="dimensions: expected at most 4096, got 5000"):
        await Offline.embed(EmbedRequest(model="eliza", inputs=("a",), dimensions=5000), transports)
    with pytest.raises(NoOperationError, match=r"input\[1\]: expected a text, got tokens"):
        await Offline.embed(EmbedRequest(model="eliza", inputs=("a", (1, 2))), transports)
