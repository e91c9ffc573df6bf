"""What a result cannot hold in this protocol.

The types of OpenAI's own SDK (3.57) allow text alone in a turn of the role `tool`. Most other services take pictures
there, and no other media.
"""

from functools import partial

from dragoman.protocols.openai_chat.extra import NAME
from dragoman.protocols.tools.result_media import Moves
from dragoman.types import AnyPart, Audio, File, Image, Unknown


def moves(*, pictures: bool) -> Moves:
    """What follows in a user's turn. `pictures`: the service takes them in results."""
    return partial(_moves, pictures=pictures)


def _moves(part: AnyPart, *, pictures: bool) -> bool:
    match part:
        case File() | Audio():
            return True
        case Image():
            return not pictures
        case Unknown(protocol=protocol):
            return not pictures and protocol == NAME
        case _:
            return False
