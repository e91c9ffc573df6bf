"""Whether a model takes the settings of a body that is to be relayed, other than those of thinking. Knows no model.

They are looked for in the text: in a text of the body the quotes would be escaped. If a schema or the arguments of a
call have such a key, the request is translated in vain, and nothing else happens.
"""

import re

from dragoman.types import ModelProfile

# Of a larger number the first digits are enough; Python refuses to read one of thousands of digits.
LIMIT = re.compile(rb'"max_?[oO]utput_?[tT]okens"\s*:\s*"?([0-9]{1,18})')
JSON = re.compile(rb'"response_?[mM]ime_?[tT]ype"\s*:\s*"application/json"')
TOOLS = re.compile(rb'"tools"\s*:\s*(?:\[\s*)?\{')
PENALTIES = {
    "frequency_penalty": re.compile(rb'"frequency_?[pP]enalty"\s*:\s*"?-?[0.]*[1-9]'),
    "presence_penalty": re.compile(rb'"presence_?[pP]enalty"\s*:\s*"?-?[0.]*[1-9]'),
}
"""Such a field with another value than 0, which changes nothing and is always taken: google-gemini/cookbook#1290."""


def takes_settings(body: bytes, profile: ModelProfile) -> bool:
    """Whether models of `profile` take what a request with this body says of the answer and its tokens."""
    most = profile.most_output
    if most is not None and any(int(limit) > most for limit in LIMIT.findall(body)):
        return False
    if profile.form_with_tools is False and JSON.search(body) and TOOLS.search(body):
        return False
    refused = profile.unsupported_fields or ()
    if body.find(b"enalty") < 0:
        return True
    return not any(name in refused and said.search(body) for name, said in PENALTIES.items())
