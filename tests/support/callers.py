"""A caller of our own fronts, without a socket: what one half sends, as the other half is handed it."""

from urllib.parse import urlsplit

from dragoman.types import HttpRequest, HttpResponse, ResponseHead, ServerRequest, ServerResponse


def as_call(request: HttpRequest) -> ServerRequest:
    """A client half's request as the server half sees it."""
    url = urlsplit(request.url)
    return ServerRequest(
        method=request.method,
        path=url.path,
        query=url.query,
        headers=tuple((key.lower().encode(), value.encode()) for key, value in request.headers),
        body=request.body,
    )


def as_reply(answer: ServerResponse) -> HttpResponse:
    """A server half's answer as the client half sees it."""
    headers = tuple((key.encode(), value.encode()) for key, value in answer.headers)
    return HttpResponse(ResponseHead(answer.status, headers), answer.body)
