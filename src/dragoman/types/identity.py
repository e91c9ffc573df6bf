"""Who asks, as far as a key and the headers of a program show it. The key itself is nowhere in it."""

from msgspec import Struct


class Attribution(Struct, frozen=True):
    """For whom a program asks, in its own words: unchecked, for sums of cost and for logs alone."""

    agent: str = ""
    """The program: `claude-code`, `codex`, `gemini-cli` and the like."""
    session: str = ""
    """Its session, or thread."""
    agent_id: str = ""
    """Which of the program's agents asks, if it runs several; empty for the first one."""
    parent_agent_id: str = ""
    """The agent that started that one; empty if the first one did."""


UNATTRIBUTED = Attribution()


class Identity(Struct, frozen=True):
    """Who showed which key, and for whom."""

    fingerprint: str = ""
    """Distinguishes keys in a log: 8 hexadecimal digits of the SHA-256 of the key; empty if no key was shown."""
    known: bool = False
    """Whether the key was checked and is valid."""
    attribution: Attribution = UNATTRIBUTED
