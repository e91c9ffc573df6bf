"""Packed bytes: unpacked at every cut, within bounds, and only as what they are said to be."""

import gzip
import zlib

import brotli
import pytest
from backports import zstd

from dragoman.wire.coding import FREE, STREAMS, DamagedError, ExpandsError, UnknownCodingError, Unpacker

TEXT = "Привет, мир! ".encode() * 50 + bytes(range(256))


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACK = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}

PACKED = [(coding, pack(TEXT)) for coding, pack in PACK.items()] + [("deflate", raw_deflate(TEXT))]

# What is packed holds the time: every process that collects the tests would name them differently.
NAMES = [*PACK, "deflate without a header"]

each = pytest.mark.parametrize(("coding", "body"), PACKED, ids=NAMES)


def unpack(coding: str, *pieces: bytes) -> tuple[bytes, bool]:
    """What the pieces unpack to, and whether that is all."""
    unpacker = Unpacker(coding)
    text = b"".join(block for piece in pieces for block in unpacker.feed(piece))
    return text, unpacker.whole


@each
def test_is_unpacked_at_every_cut(coding: str, body: bytes) -> None:
    assert unpack(coding, body) == (TEXT, True)
    assert unpack(coding, *(body[i : i + 1] for i in range(len(body)))) == (TEXT, True)
    for i in range(len(body)):
        assert unpack(coding, body[:i], body[i:]) == (TEXT, True)


@each
def test_no_beginning_of_it_is_whole(coding: str, body: bytes) -> None:
    for i in range(len(body)):
        text, whole = unpack(coding, body[:i])
        assert not whole
        assert TEXT.startswith(text)


@each
def test_a_long_body_comes_in_blocks(coding: str, body: bytes) -> None:
    text = bytes(range(256)) * 4000
    pack = raw_deflate if (coding, body) == PACKED[-1] else PACK[coding]
    unpacker = Unpacker(coding, most=2 << 20)
    blocks = list(unpacker.feed(pack(text)))
    assert (b"".join(blocks), unpacker.whole) == (text, True)
    assert max(map(len, blocks)) < 200_000


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_streams_may_follow_one_another(coding: str) -> None:
    body = PACK[coding](b"one ") + PACK[coding](b"") + PACK[coding](b"two")
    assert unpack(coding, body) == (b"one two", True)
    assert unpack(coding, *(body[i : i + 1] for i in range(len(body)))) == (b"one two", True)
    assert unpack(coding, body[:-1])[1] is False


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_the_number_of_streams_has_an_end(coding: str) -> None:
    empty = PACK[coding](b"")
    assert unpack(coding, empty * STREAMS) == (b"", True)
    with pytest.raises(ExpandsError):
        unpack(coding, empty * (STREAMS + 1))


@each
@pytest.mark.parametrize("wrong", ["no such thing", "bytes behind it"])
def test_what_is_not_packed_as_it_says_is_damaged(coding: str, body: bytes, wrong: str) -> None:
    junk = {"no such thing": b"\xfe not packed", "bytes behind it": body + b"behind it"}
    with pytest.raises(DamagedError, match=f"{coding} body"):
        unpack(coding, junk[wrong])


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_wrong_sum_is_damage(coding: str) -> None:
    with pytest.raises(DamagedError, match=f"{coding} body"):
        unpack(coding, PACK[coding](TEXT)[:-4] + b"oops")


@pytest.mark.parametrize("coding", PACK)
def test_a_bomb_goes_off_early(coding: str) -> None:
    """A body of one MiB may unpack from anything, a longer one may not."""
    assert unpack(coding, PACK[coding](bytes(FREE)))[0] == bytes(FREE)
    unpacker = Unpacker(coding)
    got = 0
    with pytest.raises(ExpandsError, match=f"{coding} body of at most 200 times its compressed size"):
        for block in unpacker.feed(PACK[coding](bytes(30 << 20))):
            got += len(block)
    assert got <= FREE + 200 * len(PACK[coding](bytes(30 << 20)))


@pytest.mark.parametrize("coding", PACK)
def test_a_body_ends_at_its_bound(coding: str) -> None:
    unpacker = Unpacker(coding, most=1000)
    with pytest.raises(ExpandsError, match=f"at most 1000 bytes in a {coding} body"):
        list(unpacker.feed(PACK[coding](bytes(range(256)) * 4)))


def test_zstd_that_asks_for_much_memory_is_refused() -> None:
    far = zstd.compress(bytes(64 << 20), options={zstd.CompressionParameter.window_log: 26})
    with pytest.raises(DamagedError, match="memory"):
        unpack("zstd", far)


@pytest.mark.parametrize("coding", ["", "identity", "gzip, gzip", "GZIP", "compress"])
def test_another_coding_is_unknown(coding: str) -> None:
    with pytest.raises(UnknownCodingError):
        Unpacker(coding)


def test_a_body_of_no_bytes_is_not_whole() -> None:
    assert unpack("gzip") == (b"", False)
    assert unpack("gzip", b"") == (b"", False)
