"""Variables that keep what an agent sends to the gateway from a proxy. Reads no environment."""

from collections.abc import Mapping
from urllib.parse import urlsplit

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
NO_PROXY = ("NO_PROXY", "no_proxy")
"""Both: programs differ in which they read first."""


def without_proxy(url: str, environ: Mapping[str, str]) -> dict[str, str]:
    """What is to be set so that no proxy of `environ` is asked for `url`; nothing if there is none.

    The gateway is on this machine or in this network, where a proxy seldom leads, and its key is for nobody else.
    """
    if not any(environ.get(name) or environ.get(name.lower()) for name in PROXIES):
        return {}
    host = urlsplit(url).hostname or ""
    said = ",".join(environ.get(name, "") for name in NO_PROXY)
    hosts = dict.fromkeys(each.strip() for each in said.split(",") if each.strip())
    return {} if "*" in hosts else dict.fromkeys(NO_PROXY, ",".join(hosts | {host: None}))
