"""The Rogerian conversation."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.providers.offline.eliza import MAX_HEARD, MEMORY, ElizaConversation, turned
from dragoman.providers.offline.phrases import ASKED, FOREIGN, GO_ON, NO_WORDS, NOTHING_SAID
from dragoman.providers.offline.rules import RULES, Pattern
from dragoman.types import PartDelta, Usage, assistant, fold
from tests.providers.offline.asking import events, request, whole

SAID = [
    ("hello", "Hello. I am eliza. What is on your mind?"),
    ("Hello, how are you?", "I am well, thank you. And how are you?"),
    ("I need help with Paris!", "What would it mean to you to have help with Paris?"),
    ("I'm sad because my mother hates me.", "Tell me more about your mother."),
    ("I am very sad", "I am sorry to hear that you are sad. What brought it on?"),
    ("i feel lost", "What makes you feel lost?"),
    ("I dreamed that I was flying over you", "You dreamed that you were flying over me. What did it feel like?"),
    ("Do you remember my cat?", "Did you think I would forget your cat?"),
    ("I don’t like it, but I think you are nice", "How sure are you that I am nice?"),
    ("What if I lose", "How likely is it, to you, that you lose?"),
    ("You are a computer", "Do machines trouble you?"),
    ("are you happy with yourself", "I am glad. What brought that about?"),
    ("are you busy?", "Would it matter to you if I were busy?"),
    ("can you fly?", "Would you like me to fly?"),
    ("I can't sleep", "How do you know that you can not sleep?"),
    ("Should I go?", "What speaks for it?"),
    ("What is 2+2?", "Why do you ask?"),
    ("My name is Anna", "Nice to meet you, Anna. What is on your mind?"),
    ("my dog barks", "Your dog barks?"),
    ("yes", "I see. Please go on."),
    ("No.", "Why not?"),
    ("Thank you", "You are welcome. Is there more on your mind?"),
    ("bye", "Goodbye. It was good to listen to you."),
    ("", NOTHING_SAID[0]),
    (" \n", NOTHING_SAID[0]),
    ("42 !?", NO_WORDS[0]),
    ("🙂", NO_WORDS[0]),
    ("Привет, как дела?", FOREIGN[0]),
    ("你好", FOREIGN[0]),
    ("كيف حالك يا friend", FOREIGN[0]),
    ("Żółw", GO_ON[0]),
    ("Is it raining?", ASKED[0]),
    ("It rains.", GO_ON[0]),
    ("I want to end my life", RULES[0].patterns[0].answers[0]),
]


@pytest.mark.parametrize(("said", "answer"), SAID)
async def test_answers(said: str, answer: str) -> None:
    assert (await whole("eliza", said)).text == answer


async def test_streams_words_and_counts_them() -> None:
    got = await events("eliza", request("yes"))
    assert [event.text for event in got if isinstance(event, PartDelta)] == ["I ", "see. ", "Please ", "go ", "on."]
    assert fold(got).usage == Usage(1, 5)


async def test_the_same_conversation_has_the_same_answer_and_a_longer_one_another() -> None:
    first = await whole("eliza", "yes")
    again = await whole("eliza", "yes")
    second = await whole("eliza", "yes", assistant(first.text), "yes")
    assert first == again
    assert second.text == "You seem quite sure."


async def test_comes_back_to_what_was_said_when_nothing_else_is_heard() -> None:
    earlier = "Earlier you spoke of your mother. How does this bear on it?"
    assert (await whole("eliza", "my mother called", assistant("…"), "It rains.")).text == earlier
    assert (await whole("eliza", "my mother called", "It rains.", "It rains.")).text == GO_ON[0]


async def test_a_conversation_longer_than_the_memory_is_still_answered() -> None:
    assert (await whole("eliza", *["yes"] * (MEMORY + 3))).text in {
        pattern.answers[i] for pattern in _patterns("yes") for i in range(3)
    }


async def test_nobody_having_spoken_is_an_empty_message() -> None:
    assert (await whole("eliza", assistant("Hello"))).text == NOTHING_SAID[0]


async def test_heeds_the_asked_length() -> None:
    answer = fold(await events("eliza", request("yes", max_output_tokens=2)))
    assert (answer.text, answer.finish_reason) == ("I see.", "length")


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("my cat hates you", "your cat hates me"),
        ("I am yours", "you are mine"),
        ("you were with me", "I was with you"),
        ("you can see yourself", "I can see myself"),
        ("am I", "are you"),
        ("", ""),
        ("i", "you"),
    ],
)
def test_turns_the_speakers_round(said: str, heard: str) -> None:
    assert turned(said) == heard


def test_each_rule_can_be_heard_and_every_answer_be_given() -> None:
    for rule in RULES:
        given: set[str] = set()
        for pattern in rule.patterns:
            for keyword in rule.keywords:
                conversation = ElizaConversation()
                said = _sentence(pattern, keyword)
                for _ in range(12):
                    given.add(conversation.hear(said))
        assert given, rule.keywords
        assert not any("{" in answer for answer in given), "a place was left open"
        last = rule.patterns[-1]
        if last.shape == "*":
            assert given & set(last.answers), rule.keywords


def test_listens_to_the_beginning_of_a_long_message_only() -> None:
    assert ElizaConversation().hear("x" * MAX_HEARD + " mother") == GO_ON[0]


@given(st.text())
def test_always_has_an_answer(text: str) -> None:
    answer = ElizaConversation().hear(text)
    assert answer.strip()
    assert "{" not in answer or "{" in text


@given(
    st.lists(
        st.sampled_from(sorted({word for rule in RULES for word in rule.keywords} | {"i", "it", "?", ",", "{0}"})),
        max_size=8,
    )
)
def test_always_has_an_answer_to_her_own_keywords(words: list[str]) -> None:
    answer = ElizaConversation().hear(" ".join(words))
    assert answer[0] in string.ascii_uppercase


def _patterns(keyword: str) -> tuple[Pattern, ...]:
    return next(rule.patterns for rule in RULES if keyword in rule.keywords)


def _sentence(pattern: Pattern, keyword: str) -> str:
    """A sentence of that shape, which speaks of a thing where anything may stand."""
    choice = pattern.shape.partition("(")[2].partition(")")[0]
    shape = pattern.shape.replace(f"({choice})", keyword if keyword in choice.split("|") else choice.split("|")[0])
    sentence = shape.replace("*", "zebras")
    return sentence if keyword in sentence else f"{sentence} {keyword}"
