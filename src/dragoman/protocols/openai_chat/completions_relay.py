"""How texts to be completed are relayed, to services that have a path for that.

Much of such a request has no place in a chat: what stands behind the gap (`suffix`), a prompt that holds a model's own
marks for the gap, several prompts, prompts in tokens, the tokens' probabilities.
"""

from typing import Any, ClassVar

from msgspec import Raw
from msgspec.structs import replace

from dragoman.protocols.openai_chat.relay import ASKED, ChatRelay, ChatRelayRequest, chat_request
from dragoman.protocols.relay_body import BodyReader, RelayBody
from dragoman.types import ServerRequest

COMPLETIONS = "openai-completions"


class CompletionsRelay(ChatRelay):
    """Requests and answers of `POST {url}/completions`, passed as they are.

    An answer has the form of a chat's, with `text` in place of a message.
    """

    name = COMPLETIONS
    empty_ok: ClassVar[bool] = True  # where nothing is missing, nothing is the right text

    def __init__(self, url: str, *, stream_usage: bool = True) -> None:
        """What is known of a service's chats is not known of its completions, except `stream_usage`."""
        super().__init__(url)
        self.stream_usage = stream_usage


def _request(call: ServerRequest, body: RelayBody) -> ChatRelayRequest:
    asked = chat_request(call, body)
    return replace(asked, several=True) if _is_list(body.fields.get("prompt")) else asked


def _is_list(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, Raw) and bytes(value).lstrip().startswith(b"["))


COMPLETIONS_READER = BodyReader(_request, ASKED)
