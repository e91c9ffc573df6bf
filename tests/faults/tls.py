"""TLS as services speak it, record by record: what stands in a record, what comes between them, and how they end.

Python's ssl makes the handshake and reads. In TLS 1.3 what is sent is sealed here (RFC 8446, section 5), because ssl
sends no alert, no new key, and no record that is broken. Knows no HTTP.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal, cast

import trustme
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from msgspec import Struct

LARGEST = 1 << 14
"""Bytes of text in a record, at most."""
MOST = 2000
"""Records of one piece, at most: what is larger comes in larger ones."""

ALERT, HANDSHAKE, TEXT = 21, 22, 23
"""Kinds of records."""
FAREWELL, FAILED = b"\x01\x00", b"\x02\x50"
"""Alerts: close_notify, internal_error."""
TICKET = b"\x04\x00\x00\x15" + b"\x00\x00\x0e\x10" + b"\x00\x00\x00\x00" + b"\x01x" + b"\x00\x07aticket" + b"\x00\x00"
"""A ticket of a session (RFC 8446, section 4.6.1)."""
NEW_KEY = b"\x18\x00\x00\x01"
"""A new key is used from here on (section 4.6.3); what follows says whether one is asked for."""

End = Literal["farewell", "none", "alert", "half a record", "a bad record", "farewell alone"]
"""How a connection is closed: with TLS's own end, without, with a failure, in a record, with one that is not genuine;
or TLS ends and TCP goes on until the peer closes it."""


class Speech(Struct, frozen=True):
    """One way to speak TLS."""

    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    record: int = LARGEST
    """Bytes of text in a record."""
    joined: bool = False
    """Whether all that is sent at one time shares its records."""
    busy: bool = False
    """Whether tickets, new keys, empty records and padding come between the pieces."""
    end: End = "farewell"


SPEECHES: dict[str, Speech] = {
    "TLS": Speech(),
    "TLS without a farewell": Speech(end="none"),
    "TLS that ends before TCP": Speech(end="farewell alone"),
    "TLS that ends with a failure": Speech(end="alert"),
    "TLS that ends in a record": Speech(end="half a record"),
    "TLS that ends with a bad record": Speech(end="a bad record"),
    "TLS in records of one byte": Speech(record=1),
    "TLS in records of seven bytes": Speech(record=7, end="none"),
    "TLS in one record": Speech(joined=True),
    "TLS with tickets and new keys": Speech(busy=True),
    "TLS 1.2": Speech(version=ssl.TLSVersion.TLSv1_2),
    "TLS 1.2 that ends in a record": Speech(version=ssl.TLSVersion.TLSv1_2, end="half a record"),
    "TLS 1.2 in one record": Speech(version=ssl.TLSVersion.TLSv1_2, joined=True, end="none"),
}


class Secrets:
    """Those of the connections of services that present `certificate`; noted in a file of `folder`."""

    def __init__(self, certificate: trustme.LeafCert, folder: Path) -> None:
        self._certificate = certificate
        self._notes = folder / "secrets"
        self._read = 0
        self._secrets: dict[bytes, bytes] = {}
        self._contexts: list[ssl.SSLContext] = []

    def close(self) -> None:
        """Closes the file."""
        for context in self._contexts:
            context.keylog_filename = None  # type: ignore[assignment]  # typeshed knows no end of it

    def spoken(self, speech: Speech) -> "Spoken":
        """How a service speaks so."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._certificate.configure_cert(context)
        context.minimum_version = context.maximum_version = speech.version
        context.keylog_filename = str(self._notes)
        self._contexts.append(context)
        context.num_tickets = 0  # so that records are counted from the first that is sealed here
        return Spoken(speech, context, self)

    def secret(self, random: bytes) -> bytes:
        """That of what the service sends, on the connection that its client began with `random`."""
        with self._notes.open("rb") as notes:
            notes.seek(self._read)
            for line in notes.read().decode().splitlines():
                name, *words = line.split(" ")
                if name == "SERVER_TRAFFIC_SECRET_0":
                    client, secret = words
                    self._secrets[bytes.fromhex(client)] = bytes.fromhex(secret)
            self._read = notes.tell()
        return self._secrets.pop(random)


class Spoken(Struct, frozen=True):
    """How the connections of a service are spoken, and what it presents."""

    speech: Speech
    context: ssl.SSLContext
    secrets: Secrets


class Seal:
    """Makes the records of TLS 1.3, of a connection whose handshake is over."""

    def __init__(self, secret: bytes, cipher: str) -> None:
        self._size, self._hash = CIPHERS[cipher]
        self._take(secret)

    def __call__(self, kind: int, data: bytes, padding: int = 0) -> bytes:
        """The next record, with these bytes in it."""
        inner = data + bytes((kind,)) + bytes(padding)
        head = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2, "big")
        nonce = (self._nonce ^ self._number).to_bytes(12, "big")
        self._number += 1
        return head + self._key.encrypt(nonce, inner, head)

    def new_key(self, *, ask: bool) -> bytes:
        """The record that says so; the next has the new key. `ask`: the peer is to have one, too."""
        said = self(HANDSHAKE, NEW_KEY + bytes((ask,)))
        self._take(self._derived("traffic upd", self._hash.digest_size))
        return said

    def _take(self, secret: bytes) -> None:
        self._secret = secret
        self._key = AESGCM(self._derived("key", self._size))
        self._nonce = int.from_bytes(self._derived("iv", 12), "big")
        self._number = 0

    def _derived(self, name: str, size: int) -> bytes:
        label = b"tls13 " + name.encode()
        info = size.to_bytes(2, "big") + bytes((len(label),)) + label + b"\x00"
        return HKDFExpand(self._hash, size, info).derive(self._secret)


CIPHERS: dict[str, tuple[int, HashAlgorithm]] = {
    "TLS_AES_128_GCM_SHA256": (16, SHA256()),
    "TLS_AES_256_GCM_SHA384": (32, SHA384()),
}
"""The size of the key, and the hash."""


class Speaker(asyncio.StreamWriter):
    """What is written goes out in records."""

    def speak(self, speech: Speech, tls: ssl.SSLObject, outgoing: ssl.MemoryBIO, seal: Seal | None) -> None:
        """The handshake is over. `seal` is for TLS 1.3."""
        self._speech, self._tls, self._outgoing, self._seal = speech, tls, outgoing, seal
        self._begun = self.ended = False
        self.left = False
        """Whether the peer has closed its end."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.transport.is_closing():
            return  # `drain` says so
        speech, said = self._speech, b""
        size = max(speech.record, len(data) // MOST)
        if speech.busy and self._seal is not None:
            # Who is asked has something to send. At an answer's end its connection would not be kept for that.
            said = self._seal(HANDSHAKE, TICKET) + self._seal.new_key(ask=not self._begun) + self._seal(TEXT, b"")
            self._begun = True
        self.transport.write(said + b"".join(map(self._record, _cut(bytes(data), size))))

    def close(self) -> None:
        if self.ended:
            return
        self.ended = True
        if not self.transport.is_closing():
            self.transport.write(self._end())
        if self._speech.end != "farewell alone" or self.left:
            self.transport.close()

    def _record(self, data: bytes) -> bytes:
        if self._seal is not None:
            return self._seal(TEXT, data, min(40, LARGEST - len(data)) if self._speech.busy else 0)
        self._tls.write(data)
        return self._outgoing.read()

    def _end(self) -> bytes:
        match self._speech.end:
            case "none":
                return b""
            case "alert":
                assert self._seal is not None
                return self._seal(ALERT, FAILED)
            case "half a record":
                return self._record(b": more")[:-8]
            case "a bad record":
                record = self._record(b": more")
                return record[:-1] + bytes((record[-1] ^ 1,))
            case "farewell" | "farewell alone" if self._seal is not None:
                return self._seal(ALERT, FAREWELL)
            case "farewell" | "farewell alone":
                with suppress(ssl.SSLError):  # the peer's own is still to come
                    self._tls.unwrap()
                return self._outgoing.read()


def _cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[begin : begin + size] for begin in range(0, len(data), size))


class TlsProtocol(asyncio.StreamReaderProtocol):
    """A service's end of a connection: the handshake, then streams of what is in the records."""

    def __init__(self, spoken: Spoken, accepted: Callable[[asyncio.StreamReader, Speaker], None], limit: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._read = asyncio.StreamReader(limit, self._loop)
        super().__init__(self._read, loop=self._loop)
        self._spoken = spoken
        self._accepted = accepted
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = spoken.context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._hello = b""
        self._speaker: Speaker | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._hello = (self._hello + data)[:43]
        self._incoming.write(data)
        try:
            if self._speaker is None:
                self._begin()
            while more := self._tls.read(1 << 16):
                super().data_received(more)
            self._read.feed_eof()
        except ssl.SSLWantReadError:
            self._transport.write(self._outgoing.read())
        except ssl.SSLError:
            if self._tls.version() is None:  # else it is of another connection: OpenSSL has one queue of errors
                self._transport.close()

    def eof_received(self) -> bool:
        super().eof_received()
        if self._speaker is not None:
            self._speaker.left = True
        return self._speaker is not None and not self._speaker.ended  # who speaks closes it

    def _begin(self) -> None:
        self._tls.do_handshake()
        self._transport.write(self._outgoing.read())
        cipher = self._tls.cipher()
        assert cipher is not None
        speech = self._spoken.speech
        modern = speech.version is ssl.TLSVersion.TLSv1_3
        seal = Seal(self._spoken.secrets.secret(self._hello[11:]), cipher[0]) if modern else None
        self._speaker = Speaker(self._transport, self, self._read, self._loop)
        self._speaker.speak(speech, self._tls, self._outgoing, seal)
        self._accepted(self._read, self._speaker)
