"""A chat whose answer was opened before anybody asked for it by an endpoint."""

from dragoman.engine.answer import Answer
from dragoman.errors import DragomanError
from dragoman.gateway.answer import fit_late
from dragoman.gateway.fronts.endpoints import ChatEndpoint
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.types import ChatRequest, ServerRequest


class Opened(ChatEndpoint):
    """Answers a request with an answer that was opened before."""

    def __init__(self, chat: ChatEndpoint, request: ChatRequest, answer: Answer) -> None:
        super().__init__(chat.client, chat.codec, clean=chat.clean, turns=chat.turns)
        self._chat = chat
        self._request: ChatRequest | None = request
        """None once it was asked: it may be large, and an open stream does not need it."""
        self._opened = answer

    async def __call__(self, call: ServerRequest, writer: ResponseWriter) -> None:
        async def opened(request: ChatRequest) -> Answer:
            return self._opened

        request, self._request = self._request, None
        assert request is not None  # noqa: S101  # it is called once
        try:
            answering = self._chat.answer(request, opened, writer)
            del request
            await answering
        except DragomanError as exc:
            if not writer.started:
                raise
            # A heartbeat was sent, and with it the status, before it was known that the request is wrong.
            writer.outcome.error = exc.code
            await writer.break_off(self.codec.encode_stream_error(fit_late(exc, writer)), clean=self.clean)
        finally:
            # If the request is wrong, or if the caller left before this began, nothing else closes the answer.
            self._opened.close()
