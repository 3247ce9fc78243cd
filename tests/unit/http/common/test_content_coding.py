"""What compressed bodies hold."""

import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.adapters.inbound.http.common.content_coding import coding_of, decompressed
from llm_gateway.adapters.inbound.http.common.problems import TooLarge, UnsupportedCoding
from llm_gateway.domain.errors import InvalidRequest


def raw(data: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(data) + packing.flush()


WAYS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "deflate, raw": ("deflate", raw),
}


@pytest.mark.parametrize("way", WAYS)
@given(st.binary(max_size=2000))
def test_what_was_compressed_comes_back(way: str, data: bytes) -> None:
    coding, compress = WAYS[way]
    assert decompressed(compress(data), coding, 2000) == data


@pytest.mark.parametrize("way", WAYS)
@given(st.binary(min_size=1, max_size=200), st.data())
def test_what_is_cut_is_no_body(way: str, data: bytes, draw: st.DataObject) -> None:
    coding, compress = WAYS[way]
    packed = compress(data)
    cut = packed[: draw.draw(st.integers(0, len(packed) - 1))]

    with pytest.raises(InvalidRequest):
        decompressed(cut, coding, 2000)


@pytest.mark.parametrize("way", WAYS)
def test_nothing_may_follow(way: str) -> None:
    coding, compress = WAYS[way]
    with pytest.raises(InvalidRequest, match="goes on"):
        decompressed(compress(b"{}") + b"x", coding, 100)


@pytest.mark.parametrize("way", WAYS)
def test_a_small_body_that_grows_is_cut_off(way: str) -> None:
    coding, compress = WAYS[way]
    bomb = compress(bytes(100 << 20))
    assert len(bomb) < 200_000
    with pytest.raises(TooLarge):
        decompressed(bomb, coding, 1 << 20)


@pytest.mark.parametrize("junk", [b"", b"{}", b"\x1f\x8b", bytes(100)])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_what_is_not_compressed_is_said(coding: str, junk: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decompressed(junk, coding, 100)


@pytest.mark.parametrize(
    ("values", "coding"),
    [
        ([b"gzip"], "gzip"),
        ([b" GZIP "], "gzip"),
        ([b"x-gzip"], "x-gzip"),
        ([b"deflate"], "deflate"),
        ([b"identity"], None),
        ([b""], None),
        ([b"identity, gzip"], "gzip"),
        ([b"identity", b"deflate"], "deflate"),
    ],
)
def test_one_coding_is_taken(values: list[bytes], coding: str | None) -> None:
    assert coding_of({b"content-encoding": values}) == coding
    assert coding_of({}) is None


@pytest.mark.parametrize(
    "values", [[b"br"], [b"zstd"], [b"gzip, gzip"], [b"gzip", b"deflate"], [b"compress"], [b"\xff"]]
)
def test_others_are_not(values: list[bytes]) -> None:
    with pytest.raises(UnsupportedCoding, match="gzip or deflate"):
        coding_of({b"content-encoding": values})
