"""Lines are written in order by a thread, and nobody waits for whoever reads them."""

import threading

import pytest

from llm_gateway.adapters.outbound.logs import line_writer
from llm_gateway.adapters.outbound.logs.line_writer import LineWriter

WAIT = 10


def test_lines_are_written_in_order_and_the_last_ones_too() -> None:
    written: list[bytes] = []
    writer = LineWriter(written.append)
    for number in range(1000):
        writer.put(b"%d" % number)
    writer.close()
    assert b"".join(written).split(b"\n")[:-1] == [b"%d" % number for number in range(1000)]
    assert len(written) < 1000, "many lines are one write"


def test_who_logs_never_waits_for_a_reader_that_has_stopped_and_what_is_lost_is_counted() -> None:
    stuck, go_on = threading.Event(), threading.Event()
    written: list[bytes] = []

    def write(data: bytes) -> None:
        stuck.set()
        assert go_on.wait(WAIT)
        written.append(data)

    writer = LineWriter(write, max_pending=10)
    writer.put(b"first")
    assert stuck.wait(WAIT)
    for number in range(15):
        writer.put(b"%d" % number)
    assert writer.dropped == 5
    go_on.set()
    writer.close()
    assert b"".join(written) == b"first\n" + b"".join(b"%d\n" % number for number in range(10))


def test_a_broken_log_is_counted_and_breaks_nothing_else() -> None:
    broken = [True]
    written: list[bytes] = []

    def write(data: bytes) -> None:
        if broken.pop():
            raise OSError
        written.append(data)

    writer = LineWriter(write)
    writer.put(b"lost")
    while not writer.dropped:
        threading.Event().wait(0.001)
    broken.append(False)
    writer.put(b"kept")
    writer.close()
    assert (written, writer.dropped) == ([b"kept\n"], 1)


def test_the_end_does_not_wait_for_a_reader_that_has_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_writer, "CLOSE_SECONDS", 0.01)
    go_on = threading.Event()
    ended: list[bool] = []
    writer = LineWriter(lambda data: ended.append(go_on.wait(WAIT)))
    writer.put(b"line")
    writer.close()
    assert not ended
    go_on.set()
