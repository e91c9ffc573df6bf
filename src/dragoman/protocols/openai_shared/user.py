"""Who asks. Claude Code puts several ids into the one text that Anthropic has for that.

It is a JSON object with `device_id` (64 digits), `account_uuid` and `session_id`; before version 2.1.78 it was
`user_DEVICE_account_ACCOUNT_session_SESSION` (ding113/claude-code-hub#939). As a whole it is longer than a `user`
may be: 64 characters at OpenAI (maximhq/bifrost#1000), 128 at others (looplj/axonhub#1669), and more is a 400. The
session is what OpenAI's cache wants as its key: without one, turns that were translated found half as much in the
cache (juspay/neurolink#1766).
"""

import re
from collections.abc import Iterator
from hashlib import sha256

import msgspec
from msgspec import Struct

from dragoman.types import ChangedField, ChatRequest, Loss
from dragoman.wire.json import NOT_STRICT

MOST = 64
"""Characters of `user` and of `prompt_cache_key` that OpenAI takes."""


class _Ids(Struct):
    session_id: str
    device_id: str = ""
    account_uuid: str = ""


_ids = msgspec.json.Decoder(_Ids).decode


def user_of(request: ChatRequest) -> str | None:
    """`user` as it is sent: the account or else the device, if the text holds several ids.

    Of a longer text a digest is sent: it stands for the same person in each request.
    """
    ids, user = _found(request), request.user
    if ids is None:
        return sha256(user.encode("utf-8", "replace")).hexdigest() if user is not None and len(user) > MOST else user
    return next((each for each in (ids.account_uuid, ids.device_id) if 0 < len(each) <= MOST), None)


def cache_key_of(request: ChatRequest) -> str | None:
    """The key of the cache: the session among these ids if the caller names no key."""
    ids = _found(request) if request.cache_key is None else None
    return request.cache_key if ids is None or not 0 < len(ids.session_id) <= MOST else ids.session_id


def changed_user(request: ChatRequest) -> Iterator[Loss]:
    """The note that one id of several is sent, or a digest."""
    if _found(request) is not None or (request.user is not None and len(request.user) > MOST):
        yield ChangedField("user")


OLDER = re.compile(r"user_(?P<device>[0-9a-f]{64})_account_(?P<account>[0-9a-f-]*)_session_(?P<session>[0-9a-f-]{36})")


def _found(request: ChatRequest) -> _Ids | None:
    if request.user is None:
        return None
    if (older := OLDER.fullmatch(request.user)) is not None:
        return _Ids(older["session"], older["device"], older["account"])
    if not request.user.startswith("{"):
        return None
    try:
        return _ids(request.user)
    except NOT_STRICT:
        return None
