"""The keys of the prompt, without a terminal."""

from prompt_toolkit import PromptSession
from prompt_toolkit.application.current import set_app
from prompt_toolkit.completion import DummyCompleter
from prompt_toolkit.input import DummyInput
from prompt_toolkit.output import DummyOutput

from dragoman.cli.conversation.prompt_lines import _keys


async def test_ctrl_c_in_the_moment_after_a_line_was_taken_is_no_fault() -> None:
    session: PromptSession[str] = PromptSession(
        key_bindings=_keys(DummyCompleter()), input=DummyInput(), output=DummyOutput()
    )
    with set_app(session.app):
        session.app.key_processor.send_sigint()
    await session.app.cancel_and_wait_for_background_tasks()
