"""What was read of bodies that come again."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.adapters.inbound.http.common import read_bodies
from llm_gateway.adapters.inbound.http.common.read_bodies import ReadBodies

READERS = (object(), object())
BODIES = st.sampled_from([b"a" * 3, b"b" * 5, b"c" * 2, b"private"])
ASKED = st.tuples(st.sampled_from(READERS), st.sampled_from(["mine", "yours"]), BODIES)


def keeps(made: tuple[int, str, bytes]) -> bool:
    return made[2] != b"private"


@given(st.lists(ASKED, max_size=60), st.integers(min_value=0, max_value=30))
def test_what_is_given_is_what_reading_gives_and_what_is_held_has_its_bound(
    asked: list[tuple[object, str, bytes]], most: int
) -> None:
    bodies = ReadBodies(most)
    for reader, namespace, data in asked:
        made = (READERS.index(reader), namespace, data)
        found = bodies.read(reader, namespace, data, lambda data, made=made: (made[0], made[1], data), keeps)  # type: ignore[misc]
        assert found == made
        assert bodies.held_bytes == sum(len(key[2]) for key in bodies._read) <= most
        assert not any(key[2] == b"private" for key in bodies._read)


def times_read(bodies: ReadBodies, *datas: bytes) -> Counter[bytes]:
    times: Counter[bytes] = Counter()

    def read(data: bytes) -> bytes:
        times[data] += 1
        return data

    for data in datas:
        bodies.read(READERS[0], "mine", data, read, lambda _: True)
    return times


def test_a_body_is_kept_from_its_second_time_on_and_not_before() -> None:
    bodies = ReadBodies()
    assert times_read(bodies, b"once", b"often", b"often") == {b"once": 1, b"often": 2}
    assert bodies.held_bytes == len(b"often")
    assert times_read(bodies, b"often", b"often") == {}


def test_the_hashes_of_bodies_that_came_once_have_a_bound_too() -> None:
    bodies = ReadBodies()
    most = read_bodies.MAX_HASHES
    times_read(bodies, *(b"%d" % number for number in range(3 * most)))
    assert len(bodies._hashes) + len(bodies._hashes_before) <= 2 * most
    assert bodies.held_bytes == 0
    last = b"%d" % (3 * most - 1)
    times_read(bodies, last)
    assert times_read(bodies, last) == {}


def test_a_reading_that_fails_is_none() -> None:
    def fail(data: bytes) -> bytes:
        raise ValueError(len(data))

    bodies = ReadBodies()
    for _ in range(3):
        with pytest.raises(ValueError, match="3"):
            bodies.read(READERS[0], "mine", b"bad", fail, lambda _: True)
    assert bodies.held_bytes == 0
