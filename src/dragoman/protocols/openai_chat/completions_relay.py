"""How texts to be completed are relayed, to services that have a path for that.

Much of such a request has no place in a chat: what stands behind the gap (`suffix`), a prompt that holds a model's own
marks for the gap, several prompts, prompts in tokens, the tokens' probabilities.
"""

from typing import ClassVar

from msgspec.structs import replace

from dragoman.protocols.openai_chat.relay import ASKED, ChatRelay, ChatRelayRequest, chat_request
from dragoman.protocols.relay_body import BodyReader, RelayBody, text_of
from dragoman.types import ServerRequest

COMPLETIONS = "openai-completions"


class CompletionsRelay(ChatRelay):
    """Requests and answers of `POST {url}/completions`, passed as they are.

    An answer has the form of a chat's, with `text` in place of a message.
    """

    name = COMPLETIONS
    empty_ok: ClassVar[bool] = True  # the model may find that there is nothing to add

    def __init__(self, url: str, *, stream_usage: bool) -> None:
        """What is known of a service's chats is not known of its completions, except `stream_usage`."""
        super().__init__(url)
        self.stream_usage = stream_usage


def _request(call: ServerRequest, body: RelayBody) -> ChatRelayRequest:
    asked = chat_request(call, body)
    is_list = text_of(body.fields.get("prompt")).lstrip().startswith(b"[")
    return replace(asked, several=True) if is_list else asked


COMPLETIONS_READER = BodyReader(_request, ASKED)
