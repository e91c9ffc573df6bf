"""Golden bodies of chat sites: sent and read as written down, and the same however they are cut."""

import pytest

from dragoman.protocols.base import ClientCodec
from dragoman.protocols.webchat.aibn import AibnClient
from dragoman.protocols.webchat.aichatfree import AIChatFreeClient
from dragoman.protocols.webchat.aichatonline import AiChatOnlineClient
from dragoman.protocols.webchat.cromicle import CromicleClient
from dragoman.types import Fold
from tests.support.cuts import assert_same_at_every_cut, drive
from tests.support.golden import Case, cases, check_events, check_sent

URL = "https://api.example.org"
CODECS: tuple[ClientCodec, ...] = (
    AibnClient(url=URL, secret="s3cret", password="hunter2"),
    AIChatFreeClient(url=URL, secret="s3cret"),
    AiChatOnlineClient(url=URL),
    CromicleClient(url=URL),
)
CASES = [(codec, name, case) for codec in CODECS for name, case in cases(codec.name).items()]

each = pytest.mark.parametrize(
    ("codec", "case"),
    [(codec, case) for codec, _, case in CASES],
    ids=[f"{codec.name}-{name}" for codec, name, _ in CASES],
)


@each
def test_a_request_is_sent_as_written_down(codec: ClientCodec, case: Case, rewrite_golden: bool) -> None:
    check_sent(codec, case, rewrite=rewrite_golden)


@each
def test_a_reply_is_read_as_written_down(codec: ClientCodec, case: Case, rewrite_golden: bool) -> None:
    check_events(codec, case, rewrite=rewrite_golden)


@each
def test_a_reply_is_the_same_at_every_cut(codec: ClientCodec, case: Case) -> None:
    assert_same_at_every_cut(lambda: codec.decoder(case.request), case.reply)


@each
def test_a_reply_keeps_the_grammar(codec: ClientCodec, case: Case) -> None:
    events, error = drive(codec.decoder(case.request), [case.reply])
    folding = Fold()
    folding.feed(events)
    if error is None:
        folding.result()
