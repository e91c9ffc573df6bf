"""How a TLS connection ended: with its closing alert, with another one, or without any."""

import ssl
from contextlib import suppress

import pytest
import trustme

from dragoman.transport.farewell import said_farewell

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
NO_RECORD = b"\x17\x03\x03\x00\x20" + bytes(32)
"""What looks like data, and cannot be decrypted."""


class Ends:
    """Both ends of a TLS connection, whose handshake is over."""

    def __init__(self, version: ssl.TLSVersion) -> None:
        authority = trustme.CA()
        ours, theirs = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.configure_trust(ours)
        authority.issue_cert("localhost").configure_cert(theirs)
        theirs.maximum_version = version
        self.to_us, self.to_them, self._from_us, self._from_them = (ssl.MemoryBIO() for _ in range(4))
        self.ours = ours.wrap_bio(self.to_us, self._from_us, server_hostname="localhost")
        self.theirs = theirs.wrap_bio(self.to_them, self._from_them, server_side=True)
        for end in (self.ours, self.theirs) * 3:
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
            self.carry()

    def carry(self) -> None:
        """Carries what each end has written to the other."""
        self.to_them.write(self._from_us.read())
        self.to_us.write(self._from_them.read())


@pytest.mark.parametrize("version", VERSIONS)
def test_the_closing_alert_is_a_farewell(version: ssl.TLSVersion) -> None:
    ends = Ends(version)
    assert not said_farewell(ends.ours)
    with suppress(ssl.SSLWantReadError):
        ends.theirs.unwrap()
    ends.carry()
    assert said_farewell(ends.ours)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_alert_of_a_failure_is_none(version: ssl.TLSVersion) -> None:
    ends = Ends(version)
    ends.to_them.write(NO_RECORD)
    with pytest.raises(ssl.SSLError, match="BAD_RECORD_MAC"):
        ends.theirs.read(1)
    ends.carry()
    with pytest.raises(ssl.SSLError, match="ALERT_BAD_RECORD_MAC"):
        ends.ours.read(1)
    assert not said_farewell(ends.ours)
    ends.to_us.write_eof()
    assert not said_farewell(ends.ours)
