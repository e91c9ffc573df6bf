"""`dragoman ask --tool`: functions of the user's that the model calls."""

import json
from pathlib import Path

import pytest

from tests.cli.shell import Ran, run

WEATHER = '''
def get_weather(city: str) -> str:
    """The weather in a city."""
    if city == "Nowhere":
        raise ValueError("no such city")
    return f"sunny in {city}"
'''

TWO_CALLS = """text: Let me look.
tool: get_weather {"city": "Paris"}
---
tool: get_weather {"city": "Nowhere"}
---
text: It is sunny."""

CALLS = """calls get_weather(city='Paris')
calls get_weather(city='Nowhere')
get_weather(city='Nowhere') failed: ValueError: no such city
"""


def ask(home: Path, *arguments: str) -> Ran:
    (home / "weather.py").write_text(WEATHER)
    return run(home, "ask", "-m", "offline/script", *arguments)


def test_the_model_calls_what_was_named(tmp_path: Path) -> None:
    ran = ask(tmp_path, "--tool", "weather:get_weather", TWO_CALLS)
    assert ran.out == b"Let me look.\nIt is sunny.\n"
    assert ran.err == CALLS
    assert ran.code == 0


def test_the_answer_at_once_is_the_last_one(tmp_path: Path) -> None:
    ran = ask(tmp_path, "--tool", "weather", "--no-stream", TWO_CALLS)
    assert ran.out == b"It is sunny.\n"
    assert ran.err == CALLS


def test_json_has_the_messages_of_the_run(tmp_path: Path) -> None:
    ran = ask(tmp_path, "--tool", "weather", "--json", TWO_CALLS)
    answer = json.loads(ran.out)
    assert ran.err == CALLS
    assert (answer["text"], answer["tool_calls"]) == ("It is sunny.", [])
    said = [(message["role"], message["content"]) for message in answer["messages"]]
    assert said == [
        ("assistant", "Let me look."),
        ("tool", "sunny in Paris"),
        ("assistant", None),
        ("tool", "ValueError: no such city"),
        ("assistant", "It is sunny."),
    ]
    assert answer["messages"][0]["tool_calls"][0]["function"]["arguments"] == '{"city": "Paris"}'


def test_calls_and_results_are_kept_and_gone_on_with(tmp_path: Path) -> None:
    number = json.loads(ask(tmp_path, "--tool", "weather", "--json", TWO_CALLS).out)["conversation"]
    ran = ask(tmp_path, "--conversation", str(number), "--tool", "weather", 'tool: get_weather {"city": "Rome"}')
    assert (ran.out, ran.err) == (b"sunny in Rome\n", "calls get_weather(city='Rome')\n")
    kept = json.loads(run(tmp_path, "history", "show", str(number), "--json").out)["messages"]
    first = ["user", "assistant", "tool", "assistant", "tool", "assistant"]
    assert [message["role"] for message in kept] == [*first, "user", "assistant", "tool", "assistant"]
    page = run(tmp_path, "history", "show", str(number)).out.decode()
    assert '(calls get_weather({"city": "Paris"}))\n\n## Tool\n\nsunny in Paris\n' in page


def test_a_run_that_breaks_off_shows_how_far_it_came(tmp_path: Path) -> None:
    script = 'tool: get_weather {"city": "Paris"}\n---\ntext: It is\ncut'
    ran = ask(tmp_path, "--tool", "weather", "--json", script)
    assert ran.code == 7
    answer = json.loads(ran.out)
    assert (answer["text"], answer["finish_reason"]) == ("It is", None)
    assert [message["content"] for message in answer["messages"]] == [None, "sunny in Paris", "It is"]
    kept = json.loads(run(tmp_path, "history", "show", str(answer["conversation"]), "--json").out)["messages"]
    assert [message.get("partial", False) for message in kept] == [False, False, False, True]


def test_an_answer_that_did_not_begin_after_the_results_is_not_kept(tmp_path: Path) -> None:
    script = 'text: Wait.\ntool: get_weather {"city": "Paris"}\n---\nerror: 503'
    answer = json.loads(ask(tmp_path, "--tool", "weather", "--json", script).out)
    assert answer["error"]["status"] == 503
    assert [message["content"] for message in answer["messages"]] == ["Wait.", "sunny in Paris"]
    assert answer["conversation"] is None


def test_a_run_ends_after_so_many_turns(tmp_path: Path) -> None:
    ran = ask(tmp_path, "--tool", "weather", "--max-turns", "1", TWO_CALLS)
    assert ran.code == 4
    assert ran.out == b"Let me look.\n"
    assert ran.err == "dragoman: expected an end within 1 answers, got more calls of tools\n"


def test_what_was_not_named_is_no_tool(tmp_path: Path) -> None:
    (tmp_path / "more.py").write_text(f"{WEATHER}\n\ndef other(x: int) -> int:\n    'Another.'\n    return x\n")
    ran = ask(tmp_path, "--tool", "more:get_weather", 'tool: other {"x": 1}\n---\ntext: end')
    assert ran.err == "calls other(x=1)\nother(x=1) failed: there is no tool 'other' (get_weather)\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--max-turns", "2"], "--max-turns is for tools: name one with --tool"),
        (["--tool", "weather", "-o", "tools", "[]"], "tools are either those of --tool or those of the option `tools`"),
        (["--tool", "weather", "--max-turns", "0"], "Invalid value for '--max-turns'"),
    ],
)
def test_wrong_usage_is_told(tmp_path: Path, arguments: list[str], told: str) -> None:
    ran = ask(tmp_path, *arguments, "hi")
    assert ran.code == 2
    assert ran.err.startswith(f"dragoman: {told}")


def test_a_wrong_name_asks_nobody(tmp_path: Path) -> None:
    ran = ask(tmp_path, "--tool", "weather:get_wether", "hi")
    assert (ran.code, ran.out) == (4, b"")
    assert ran.err == "dragoman: weather: expected a function 'get_wether', got none; did you mean get_weather?\n"
