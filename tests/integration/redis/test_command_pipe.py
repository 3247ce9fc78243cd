"""A connection to a server that misbehaves: slow, garbled, talkative or deaf."""

import asyncio
import select
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from llm_gateway.adapters.outbound.redis.client import command_pipe as line
from llm_gateway.adapters.outbound.redis.client.command_pipe import CommandPipe, PipeEnd, packed
from llm_gateway.adapters.outbound.redis.client.failures import StoreAway, StoreUnheard

from ..waiting import eventually
from .conftest import PATIENCE, Open, be_patient
from .valkey import Valkey

HASTE = 0.3
ASK = packed("ASK")
Play = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def connected(play: Play, patience: float = HASTE, look_up: float = HASTE) -> AsyncIterator[CommandPipe]:
    """A line to a server that does what the test says."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await play(reader, writer)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        pipe = partial(CommandPipe, lambda _: None, patience, look_up)
        _, opened = await loop.create_connection(pipe, "127.0.0.1", port)
        try:
            yield opened
        finally:
            opened.close()
            await opened.gone


async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers nothing."""


async def test_a_reply_that_comes_too_late_is_dropped_and_the_next_is_the_next_callers() -> None:
    given_up = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Something in every turn of the loop, however long that is."""
        await reader.readexactly(len(ASK))
        left = 1 << 20
        writer.write(b"$%d\r\n" % left)
        while not given_up.is_set():
            writer.write(b"x")
            left -= 1
            await asyncio.sleep(0)
        writer.write(b"x" * left + b"\r\n")
        await reader.readexactly(len(ASK))
        writer.write(b"+in time\r\n")

    async with connected(slow) as opened:
        with pytest.raises(StoreAway, match="no answer in time"):
            await opened.send(ASK)
        assert opened.waiting == 1
        opened._patience = PATIENCE
        given_up.set()
        assert await opened.send(ASK) == b"in time"
        assert opened.waiting == 0


async def test_a_line_that_stays_silent_is_closed_and_tells_everyone() -> None:
    async with connected(deaf) as opened:
        first = opened.send(ASK)
        await asyncio.sleep(0)
        second = opened.send(ASK)
        await asyncio.wait((first,))
        for call in (first, second):
            assert isinstance(call.exception(), StoreAway)
        with pytest.raises(StoreAway, match="closed"):
            opened.send(ASK)


async def test_a_quick_call_gives_up_early_and_the_others_wait_on() -> None:
    go_on = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        await reader.readexactly(3 * len(ASK))
        writer.write(b"+one\r\n+two\r\n+three\r\n")

    async with connected(slow, PATIENCE, HASTE) as opened:
        began = time.monotonic()
        whole, quick = opened.send(ASK), opened.send(ASK, quick=True)
        await asyncio.sleep(HASTE / 3)
        later = opened.send(ASK, quick=True)
        with pytest.raises(StoreUnheard):
            await quick
        assert not later.done()
        with pytest.raises(StoreUnheard):
            await later
        assert HASTE <= time.monotonic() - began < PATIENCE
        assert not opened.closed
        go_on.set()
        assert await whole == b"one"
        assert opened.waiting == 0


async def test_quick_calls_that_were_answered_are_kept_no_longer_than_their_time() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1 << 16):
            writer.write(b"+one\r\n")

    async with connected(echo, PATIENCE, HASTE) as opened:
        for _ in range(50):
            assert await opened.send(ASK, quick=True) == b"one"
        await eventually(lambda: not opened._quick)


async def test_time_that_rounds_down_closes_a_silent_line_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = 918.728
    assert sent + HASTE - sent < HASTE
    async with connected(deaf) as opened:
        loop = asyncio.get_running_loop()
        with monkeypatch.context() as patch:
            patch.setattr(loop, "time", lambda: sent, raising=False)
            calls = [opened.send(ASK), opened.send(ASK)]
            patch.setattr(loop, "time", lambda: sent + HASTE)
            opened._ring()
        assert opened.closed
        assert [str(call.exception()) for call in calls] == ["no answer in time"] * 2


@pytest.mark.parametrize("answer", [b"?what\r\n", b"+one\r\n+two\r\n"], ids=["garbled", "more than was asked"])
async def test_an_answer_that_makes_no_sense_closes_the_line(answer: bytes) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(ASK))
        writer.write(answer)

    async with connected(babble) as opened:
        call = opened.send(ASK)
        await opened.gone
        assert isinstance(call.exception(), StoreAway) or call.result() == b"one"
        with pytest.raises(StoreAway, match="closed"):
            opened.send(ASK)


async def test_only_so_many_calls_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "MAX_WAITING", 3)
    async with connected(deaf) as opened:
        calls = [opened.send(ASK) for _ in range(3)]
        with pytest.raises(StoreAway, match="too many"):
            opened.send(ASK)
        calls[0].cancel()
        with pytest.raises(StoreAway, match="too many"):
            opened.send(ASK)  # its place is kept until its reply has come
        for call in calls[1:]:
            call.cancel()


async def test_a_loop_that_was_held_up_blames_nobody_else(open_url: Open, server: Valkey) -> None:
    store = open_url(server.url)
    await store.call("echo", b"", "ECHO", "open")
    be_patient(store, HASTE)
    (opened,) = (server._pipe for server in store._route.servers())
    assert opened is not None
    assert opened._transport is not None
    call = asyncio.create_task(store.call("echo", b"", "ECHO", "x"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    select.select([opened._transport.get_extra_info("socket")], [], [])
    time.sleep(2 * HASTE)  # noqa: ASYNC251 - what is tested
    assert await call == b"x"


async def test_a_server_is_not_silent_about_what_the_loop_had_not_sent_yet(open_url: Open, server: Valkey) -> None:
    store = open_url(server.url)
    await store.call("echo", b"", "ECHO", "open")
    be_patient(store, HASTE)
    call = asyncio.create_task(store.call("echo", b"", "ECHO", "x"))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(time.sleep, 2 * HASTE)
    (opened,) = (server._pipe for server in store._route.servers())
    assert opened is not None
    assert opened._unsent
    time.sleep(2 * HASTE)  # noqa: ASYNC251 - what is tested
    assert await call == b"x"


async def test_a_pipe_says_how_it_ended() -> None:
    async def leaving(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(ASK))
        writer.transport.abort()

    for play, end in ((deaf, PipeEnd.SILENT), (leaving, PipeEnd.BROKEN)):
        async with connected(play) as opened:
            with pytest.raises(StoreUnheard):
                await opened.send(ASK)
            assert opened.end is end
