"""A worker hangs where it is silent while its parent listens; the parent's own absence is no silence."""

import asyncio
import os
from collections.abc import Awaitable, Callable

from typing_extensions import override

from llm_gateway.bootstrap.heartbeat import BEATS, beat, until_silent

HUNG_SECONDS = 1000.0


class SuspendedLoop(asyncio.SelectorEventLoop):
    """Whose time goes on at a stroke."""

    gone = 0.0

    @override
    def time(self) -> float:
        return super().time() + self.gone


def run(test: Callable[[SuspendedLoop], Awaitable[None]]) -> None:
    with asyncio.Runner(loop_factory=SuspendedLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, SuspendedLoop)

        async def whole() -> None:
            async with asyncio.timeout(1e9):
                await test(loop)

        runner.run(whole())


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_silence_while_the_parent_waits_is_a_hang_before_the_bound() -> None:
    async def test(loop: SuspendedLoop) -> None:
        watching = asyncio.create_task(until_silent(asyncio.StreamReader(), HUNG_SECONDS))
        waits = 0
        while not watching.done():
            await turns()
            loop.gone += HUNG_SECONDS / BEATS
            waits += 1
            await turns()
        assert await watching
        assert waits <= BEATS

    run(test)


def test_a_parent_that_did_not_run_itself_waits_again() -> None:
    async def test(loop: SuspendedLoop) -> None:
        beats = asyncio.StreamReader()
        watching = asyncio.create_task(until_silent(beats, HUNG_SECONDS))
        for _ in range(2 * BEATS):
            await turns()
            loop.gone += 100 * HUNG_SECONDS
            await turns()
            beats.feed_data(b".")
        assert not watching.done()
        beats.feed_eof()
        assert not await watching

    run(test)


def test_a_beat_comes_at_once_and_again_and_stops_where_nobody_reads() -> None:
    async def test(loop: SuspendedLoop) -> None:
        reader, writer = os.pipe()
        beat(writer, HUNG_SECONDS)
        assert os.read(reader, 10) == b"."
        loop.gone += HUNG_SECONDS / BEATS
        await turns()
        assert os.read(reader, 10) == b"."
        os.close(reader)
        loop.gone += HUNG_SECONDS / BEATS
        await turns()
        loop.gone += HUNG_SECONDS
        await turns()
        os.close(writer)

    run(test)


def test_a_parent_that_does_not_read_does_not_hold_its_worker() -> None:
    async def test(loop: SuspendedLoop) -> None:
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        while True:
            try:
                os.write(writer, b"." * 4096)
            except BlockingIOError:
                break
        beat(writer, HUNG_SECONDS)
        os.close(reader)
        os.close(writer)

    run(test)
