"""Templates of questions: read, filled, refused."""

import pytest

from dragoman.cli.templates import SKELETON, Filled, Template, fill, parse
from dragoman.errors import InvalidRequestError


def test_the_example_that_a_new_one_begins_with_is_a_template() -> None:
    assert parse(SKELETON.encode(), "x") == Template(prompt="$input")


@pytest.mark.parametrize(
    ("template", "question", "values", "filled"),
    [
        (Template(prompt="Sum up: $input"), "text", {}, Filled("", "Sum up: text")),
        (Template(system="Speak $lang.", prompt="$input"), "hi", {"lang": "French"}, Filled("Speak French.", "hi")),
        (Template(prompt="Say it.", defaults={"x": "1"}), "hi", {}, Filled("", "Say it.\n\nhi")),
        (Template(prompt="Tell a joke."), "", {}, Filled("", "Tell a joke.")),
        (Template(system="Be brief."), "hi", {}, Filled("Be brief.", "hi")),
        (Template(prompt="$a ${b}c $$1", defaults={"a": "1", "b": "2"}), "", {"b": "3"}, Filled("", "1 3c $1")),
        (Template(prompt="$input"), "costs $5 and ${x}", {}, Filled("", "costs $5 and ${x}")),
    ],
)
def test_variables_get_their_values(template: Template, question: str, values: dict[str, str], filled: Filled) -> None:
    assert fill(template, question, values) == filled


def test_a_value_that_is_missing_or_unknown_is_told() -> None:
    template = Template(prompt="$input in $city and $country", defaults={"country": "Italy"})
    with pytest.raises(InvalidRequestError, match=r"the template needs values: -p city VALUE$"):
        fill(template, "x", {})
    with pytest.raises(InvalidRequestError, match=r"no variable \$citty; did you mean city\?"):
        fill(template, "x", {"citty": "Rome"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prompt = 1", "Expected `str`, got `int` - at `$.prompt`"),
        ('promt = "x"', "unknown field `promt`"),
        ("prompt = ", "Invalid value (at end of document)"),
        ('prompt = "5$"', "$$ for a dollar sign"),
        ("defaults = {x = 1}", "$.defaults"),
    ],
)
def test_what_is_no_template_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse(text.encode(), "x.toml")
    assert caught.value.message.startswith("x.toml: expected ")
    assert said in caught.value.message
