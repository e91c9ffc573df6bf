"""Checks of values beyond the form of their setting, so that what is written loads. Knows no program."""

import re
from urllib.parse import urlsplit

from dragoman.cli.imports.keys import Keyring
from dragoman.cli.imports.tree import Node, fits
from dragoman.config.schema import PROXY, ROOT, URL, WORDS, Entries
from dragoman.errors import DragomanError
from dragoman.transport.http.proxies import NONE
from dragoman.transport.http.target import parse, parse_proxy

ROUTES = ROOT["models"]


PLACE = re.compile(r"[A-Za-z0-9][\w.:-]*", re.ASCII)
"""A resource, a project or a location, as a part of an address."""


def entry_url(value: object) -> str | None:
    """The URL of a service, if it may be one."""
    if not isinstance(value, str) or not fits(URL, value):
        return None
    try:
        parse(value)
    except DragomanError:
        return None
    return value if urlsplit(value).port != 0 else None


def known_model(value: object) -> bool:
    """Whether a model may have this name."""
    return isinstance(value, str) and fits(WORDS, value)


def known_route(value: object) -> bool:
    """Whether a route may have this name."""
    return (
        isinstance(value, str)
        and known_model(value)
        and isinstance(ROUTES, Entries)
        and bool(ROUTES.name.fullmatch(value))
    )


def proxy(node: Node, keyring: Keyring, settings: dict[str, object]) -> None:
    """Takes over the gateway's proxy, if there is one."""
    if not node:
        return
    if isinstance(node.value, str) and keyring.follow(node.value) is None and not _is_proxy(node.value):
        node.by_hand("expected the URL of a proxy: set gateway.proxy")
        return
    value = keyring.take(node, PROXY, "gateway.proxy")
    if value is not None:
        settings["proxy"] = value


def _is_proxy(value: str) -> bool:
    try:
        return value in ("", NONE) or bool(parse_proxy(value).host)
    except DragomanError:
        return False
