"""What is known of a service with OpenAI's chat protocol, as a row of a table."""

from typing import Any

from msgspec import Struct

from dragoman.protocols.openai_chat import Variant

PI = "earendil-works/pi (packages/ai/src/providers/openai-completions.ts)"
"""An agent that keeps such a table of its own, from what its users report."""


class Quirk(Struct, frozen=True):
    """One way in which a service differs from most: a switch of `Variant` and its value.

    `source`: an address, or a thread as `owner/repo#N`; `seen`: the date on which we read it.
    """

    switch: str
    value: Any
    reason: str
    source: str
    seen: str


COMMON = (
    Quirk(
        "custom_tools",
        False,
        "OpenAI's own: other services answer 400, since each tool must be a function",
        "JiuliNuoyi/CodexRosetta#1, tensorzero/tensorzero#5088",
        "2026-11-26",
    ),
)
"""What all of these services have in common; the quirk of a row comes before it."""


class ServiceRow(Struct, frozen=True):
    """A service. Its name in a configuration is `name` in lower case."""

    name: str
    title: str
    """As its maker writes it."""
    url: str
    key_variable: str
    """The environment variable that holds a key, as the service's own documentation names it; empty: none."""
    source: str
    seen: str
    quirks: tuple[Quirk, ...] = ()
    completions: str = ""
    """The path below the URL at which the service completes texts, without a chat; empty: none is known."""
    gone: str = ""
    """Since when the service answers no more, and what its maker offers instead; empty if it answers."""

    @property
    def variant(self) -> Variant:
        """The quirks, and those in COMMON, as the codec takes them."""
        return Variant(**{quirk.switch: quirk.value for quirk in (*COMMON, *self.quirks)})


class LocalServer(Struct, frozen=True):
    """A program that listens on this machine, and how it is told from others on the same port."""

    name: str
    """Its name in a configuration."""
    title: str
    url: str
    owner: str = ""
    """Who owns its models, as its list of them says (`owned_by`); empty: nobody in particular."""
    keyed: bool = False
    """Whether it always wants a key: then a refusal is a sign of it as well."""
