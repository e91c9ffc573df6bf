"""Words that a caller may write as their numbers, as JSON of this protocol allows.

Google's clients for REST write no words: google-generativeai and langchain-google-genai with `transport="rest"`.
https://github.com/googleapis/googleapis/tree/master/google/ai/generativelanguage/v1beta
"""

from collections.abc import Sequence
from typing import Any

from dragoman.protocols.json_fields import Fields

MODES = ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED")
TYPES = ("TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")
MODALITIES = ("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO")
LANGUAGES = ("LANGUAGE_UNSPECIFIED", "PYTHON")
OUTCOMES = ("OUTCOME_UNSPECIFIED", "OUTCOME_OK", "OUTCOME_FAILED", "OUTCOME_DEADLINE_EXCEEDED")
TASKS = (
    "TASK_TYPE_UNSPECIFIED",
    "RETRIEVAL_QUERY",
    "RETRIEVAL_DOCUMENT",
    "SEMANTIC_SIMILARITY",
    "CLASSIFICATION",
    "CLUSTERING",
    "QUESTION_ANSWERING",
    "FACT_VERIFICATION",
    "CODE_RETRIEVAL_QUERY",
)


def named(value: Any, words: Sequence[str]) -> Any:
    """The word of the number `value`, or of each in a list; any other value stays as it is."""
    if type(value) is int and 0 <= value < len(words):
        return words[value]
    return [named(each, words) for each in value] if isinstance(value, list) else value


def word(fields: Fields, name: str, words: Sequence[str]) -> str | None:
    """The word in the field `name`; None if it is missing. Raises InvalidRequestError."""
    if name in fields.rest:
        fields.rest[name] = named(fields.rest[name], words)
    return fields.text(name)
