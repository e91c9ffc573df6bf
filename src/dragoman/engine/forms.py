"""The form of an answer for targets that can be given none: the model is asked for it in words. Knows no protocol.

Only for callers who check the answer themselves (`ResponseFormat.checked`), because a model may not keep to words.
"""

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from dragoman.types import ChatRequest, EmulatedForm, Loss, LostSchema, Message, Text
from dragoman.types.messages import leading_system

NAME = "response_format"

PROMPT = """\
Answer with one JSON value that fits this JSON Schema. Write nothing else: no words before or after it, no code block.

"""
"""What the model is told, before the schema."""


def in_words(request: ChatRequest, lost: Iterable[Loss]) -> tuple[ChatRequest, tuple[Loss, ...]]:
    """`request` with the schema in words, if the losses say that the target does not get it; and what is still lost.

    If the caller checks the answer, what the target does not hold itself to is no loss.
    """
    form = request.response_format
    if form is None or form.schema is None or not form.checked:
        return request, tuple(lost)
    of_form = [loss for loss in lost if loss.name.startswith(NAME)]
    others = tuple(loss for loss in lost if not loss.name.startswith(NAME))
    if not any(loss.name == NAME or isinstance(loss, LostSchema) for loss in of_form):
        return request, others
    words = Message("system", (Text(text=PROMPT + msgspec.json.encode(form.schema).decode()),))
    first = leading_system(request.messages)
    messages = (*request.messages[:first], words, *request.messages[first:])
    return replace(request, messages=messages), (*others, EmulatedForm(NAME))
