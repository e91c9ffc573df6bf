"""Arguments that come in pieces: a text is not copied for each piece."""

import json

from dragoman.protocols.gemini.partial_args import PartialCall


def test_a_text_of_many_pieces_is_written_once() -> None:
    call = PartialCall({"name": "f"})
    texts = []
    for piece in "abcd":
        call.add({"partialArgs": [{"jsonPath": "$.a", "stringValue": piece, "willContinue": piece != "d"}]})
        texts.append(call._args["a"])
    assert all(text is texts[0] for text in texts)
    assert json.loads(call.arguments) == {"a": "abcd"}
