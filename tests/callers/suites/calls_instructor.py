"""instructor: answers in the form of a class, in each of its ways to ask for that."""

from typing import Literal

import anthropic
import instructor
import openai
import pytest
from pydantic import BaseModel, Field

MESSAGES = [{"role": "user", "content": "'Jason' is 25 years old, an admin."}]
MODES = ("TOOLS", "JSON", "JSON_SCHEMA", "RESPONSES_TOOLS")


class Address(BaseModel):
    street: str
    zip: str = Field(pattern=r"^\d{5}$")


class Person(BaseModel):
    name: str
    age: int = Field(ge=0, le=150)
    role: Literal["user", "admin"]
    address: Address
    tags: list[str] = Field(min_length=2)


def check(person: Person) -> None:
    assert isinstance(person, Person)
    assert (person.name, person.age, person.role) == ("Jason", 25, "admin")


def chats(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="key")


@pytest.mark.parametrize("mode", MODES)
def test_an_answer_of_a_class(url: str, model: str, mode: str) -> None:
    client = instructor.from_openai(chats(url), mode=instructor.Mode[mode])
    check(client.chat.completions.create(model=model, response_model=Person, messages=MESSAGES, max_retries=0))


async def test_an_answer_of_a_class_without_blocking(url: str, model: str) -> None:
    client = instructor.from_openai(openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="key"))
    check(await client.chat.completions.create(model=model, response_model=Person, messages=MESSAGES, max_retries=0))


def test_an_answer_by_messages(url: str, model: str) -> None:
    client = instructor.from_anthropic(anthropic.Anthropic(base_url=url, api_key="key"))
    check(
        client.chat.completions.create(
            model=model, response_model=Person, messages=MESSAGES, max_retries=0, max_tokens=1000
        )
    )


def test_an_answer_that_is_filled_as_it_comes(url: str, model: str) -> None:
    client = instructor.from_openai(chats(url))
    *_, last = client.chat.completions.create_partial(model=model, response_model=Person, messages=MESSAGES)
    assert (last.name, last.age, last.role) == ("Jason", 25, "admin")


def test_many_answers(url: str, model: str) -> None:
    client = instructor.from_openai(chats(url))
    first, *_ = client.chat.completions.create_iterable(model=model, response_model=Person, messages=MESSAGES)
    check(first)


def test_an_answer_that_is_a_number(url: str, model: str) -> None:
    client = instructor.from_openai(chats(url))
    said = [{"role": "user", "content": "7, please"}]
    assert client.chat.completions.create(model=model, response_model=int, messages=said, max_retries=0) == 7
