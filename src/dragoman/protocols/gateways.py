"""What a gateway like this one says in the head of its reply, which its callers read too. Knows no protocol."""

from dragoman.types import ResponseHead

TARGET = "x-dragoman-target"
"""The header field that names the model that answers, `provider/model`."""


def is_gateway(head: ResponseHead) -> bool:
    """Whether it is the head of a gateway's answer."""
    return head.header(TARGET) is not None
