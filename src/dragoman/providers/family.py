"""A row of the table of families: models by their names, a fact, and its proof."""

from msgspec import Struct

from dragoman.types import ModelProfile


class Family(Struct, frozen=True):
    """The models whose names match `pattern`, in lower case and with `*`, `?` and `[abc]`; `seen`: a date."""

    pattern: str
    profile: ModelProfile
    source: str
    seen: str
