"""Whose certificates are trusted: those that the system trusts, and those of a file. Knows no connection."""

import ssl

from dragoman.errors import ConfigurationError
from dragoman.transport.exhausted import check_room
from dragoman.transport.tls_object import TlsObject


class Trust:
    """A context of TLS for each file, made when it is first needed."""

    def __init__(self) -> None:
        self._contexts: dict[str | None, ssl.SSLContext] = {}

    def context(self, ca_file: str | None) -> ssl.SSLContext:
        """What trusts `ca_file`, too. Raises ConfigurationError if it cannot be read."""
        context = self._contexts.get(ca_file)
        if context is None:
            check_room(1)  # without a descriptor the context would trust nobody
            context = ssl.create_default_context()
            context.sslobject_class = TlsObject
            context.set_alpn_protocols(["http/1.1"])
            if ca_file is not None:
                try:
                    context.load_verify_locations(ca_file)
                except OSError as error:
                    raise ConfigurationError(f"expected a PEM file in ca_file {ca_file!r}: {error}") from error
            self._contexts[ca_file] = context
        return context
