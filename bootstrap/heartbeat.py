"""What a worker tells its parent while its event loop turns, and how the parent finds that it does not."""

import asyncio
import os
from contextlib import suppress
from typing import Final

BEATS: Final = 10
"""So many in the time after which a worker is taken to hang: it is found before that time is over."""
_SILENT_BEATS: Final = BEATS - 1
_ENOUGH = 4096


def beat(descriptor: int, hung_seconds: float) -> None:
    """Write a byte now and at each beat, from the running event loop; for as long as the reader is there."""
    loop = asyncio.get_running_loop()
    os.set_blocking(descriptor, False)

    def once() -> None:
        with suppress(BlockingIOError):  # the parent itself does not read, and has enough for when it does
            try:
                os.write(descriptor, b".")
            except BrokenPipeError:
                return
        loop.call_later(hung_seconds / BEATS, once)

    once()


async def until_silent(beats: asyncio.StreamReader, hung_seconds: float) -> bool:
    """Returns True once no beat has come for so long, False once the worker closed its end.

    What is counted are this process's own waits for a beat, and not the time between two: while this process did not
    run itself, as on a machine that was suspended, nothing counts but one wait.
    """
    silent = 0
    while silent < _SILENT_BEATS:
        try:
            async with asyncio.timeout(hung_seconds / BEATS):
                if not await beats.read(_ENOUGH):
                    return False
            silent = 0
        except TimeoutError:
            silent += 1
    return True
