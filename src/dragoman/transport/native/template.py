"""A prepared request, sent again and again, each time with another body. Knows nothing of the reply."""

import asyncio
import math

from dragoman.transport.base import Receiver, RequestTemplate, Timeouts
from dragoman.transport.http.target import HttpTarget, head, more_fields
from dragoman.transport.native.exchange import NativeSending
from dragoman.transport.native.outgoing_request import OutgoingRequest
from dragoman.transport.native.pool import Pool
from dragoman.types import Headers, HttpRequest


class NativeTemplate(RequestTemplate):
    """One kind of request to one service."""

    def __init__(self, request: HttpRequest, target: HttpTarget, pool: Pool, timeouts: Timeouts) -> None:
        self._pool = pool
        self._timeouts = timeouts
        self._total = math.inf if timeouts.total is None else timeouts.total
        self._first_token = math.inf if timeouts.first_token is None else timeouts.first_token
        # The length of a body is the only thing in the head that changes with it.
        self._head = head(request, target).removesuffix(b"0\r\n\r\n")

    def send(
        self, body: bytes, receiver: Receiver, loop: asyncio.AbstractEventLoop, headers: Headers = ()
    ) -> NativeSending:
        now = loop.time()
        head = b"%b%d\r\n%b\r\n" % (self._head, len(body), more_fields(headers) if headers else b"")
        request = OutgoingRequest(head, body, self._timeouts, now + self._total, now + self._first_token)
        sending = NativeSending(self._pool, request, receiver)
        sending.start(loop)
        return sending
