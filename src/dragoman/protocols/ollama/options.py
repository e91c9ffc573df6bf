"""`options`, the settings of the model. Read and written; those without a canonical name go to `extra`."""

from collections.abc import Mapping
from typing import Any

from dragoman.protocols.extra import without_none
from dragoman.protocols.json_fields import Fields
from dragoman.protocols.ollama.extra import nested
from dragoman.types import ChatRequest

OPTIONS = "options"

OF_MACHINE = (
    "f16_kv",
    "logits_all",
    "low_vram",
    "main_gpu",
    "num_batch",
    "num_gpu",
    "num_thread",
    "numa",
    "use_mlock",
    "use_mmap",
)
"""Options that say how the service's machine does its work, and mean nothing to the model."""

NO_LIMIT = -1
"""The length of an answer that may be of any length, as it is if no length is said."""


class Options:
    """The options of a request that is read. `rest`: those without a canonical name, by both names."""

    def __init__(self, fields: Fields) -> None:
        said = fields.fields(OPTIONS) if fields.rest.get(OPTIONS) is not None else Fields({}, fields.path(OPTIONS))
        self.temperature = said.number("temperature")
        self.top_p = said.number("top_p")
        self.top_k = said.whole_number("top_k")
        self.seed = said.whole_number("seed")
        self.frequency_penalty = said.number("frequency_penalty")
        self.presence_penalty = said.number("presence_penalty")
        self.stop = said.strings("stop")
        length = said.whole_number("num_predict")
        # No length below 1 is one: all of them mean that there is no limit, or the size of the context.
        self.max_output_tokens = length if length is None or length > 0 else None
        silent = [name for name in OF_MACHINE if name in said.rest]
        if length is not None and length <= 0:
            said.rest["num_predict"] = length
            if length in {0, NO_LIMIT}:
                silent.append("num_predict")
        self.rest = nested(OPTIONS, said.rest)
        self.silent = tuple(nested(OPTIONS, dict.fromkeys(silent)))


def encode_options(request: ChatRequest) -> Mapping[str, Any]:
    """The options that have canonical names."""
    length = request.max_output_tokens
    said = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.top_k,
        "seed": request.seed,
        "frequency_penalty": request.frequency_penalty,
        "presence_penalty": request.presence_penalty,
        "stop": list(request.stop) or None,
        "num_predict": None if length is None else max(length, 1),
    }
    return without_none(said)
