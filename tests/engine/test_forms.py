"""The form of an answer in words: for whom, where it stands, and what is then lost."""

import pytest
from msgspec.structs import replace

from dragoman.engine.forms import PROMPT, in_words
from dragoman.types import (
    ChangedField,
    ChatRequest,
    EmulatedForm,
    Loss,
    LostField,
    LostSchema,
    Message,
    ResponseFormat,
    RewrittenSchema,
    system,
    user,
)

SCHEMA = {"type": "object"}
FORM = ResponseFormat("json_schema", schema=SCHEMA, checked=True)
ASKED = ChatRequest(model="m", messages=(system("a"), user("b")), response_format=FORM)
WORDS = system(f'{PROMPT}{{"type":"object"}}')

NOT_SENT: list[Loss] = [
    LostField("response_format"),
    ChangedField("response_format"),
    LostSchema("response_format.schema", "it is broken"),
]


@pytest.mark.parametrize("loss", NOT_SENT)
def test_a_target_that_does_not_get_the_schema_is_told_in_words_after_the_other_instructions(loss: Loss) -> None:
    request, lost = in_words(ASKED, [LostField("seed"), loss])
    assert request == replace(ASKED, messages=(system("a"), WORDS, user("b")))
    assert lost == (LostField("seed"), EmulatedForm("response_format"))


def test_where_there_is_nothing_else_the_words_stand_alone() -> None:
    for messages in ((), (system("a"),)):
        request, _ = in_words(replace(ASKED, messages=messages), [LostField("response_format")])
        assert request.messages == (*messages, WORDS)
    late: tuple[Message, ...] = (user("b"), system("c"))
    request, _ = in_words(replace(ASKED, messages=late), [LostField("response_format")])
    assert request.messages == (WORDS, *late)


def test_what_a_target_does_not_hold_itself_to_is_no_loss_if_the_caller_checks_it() -> None:
    lost: list[Loss] = [RewrittenSchema("response_format.schema (format)"), ChangedField("response_format.strict")]
    assert in_words(ASKED, [*lost, LostField("seed")]) == (ASKED, (LostField("seed"),))


UNCHECKED = [None, replace(FORM, checked=False), ResponseFormat("json_object", checked=True)]


@pytest.mark.parametrize("form", UNCHECKED)
def test_for_a_caller_who_does_not_check_it_nothing_is_written(form: ResponseFormat | None) -> None:
    request = replace(ASKED, response_format=form)
    assert in_words(request, [LostField("response_format")]) == (request, (LostField("response_format"),))
