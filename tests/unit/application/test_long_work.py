"""Where long work is done, and what becomes of it."""

import asyncio
import os
import subprocess
import sys
from contextvars import ContextVar
from functools import partial
from threading import Event, current_thread, main_thread

import pytest

from llm_gateway.application.long_work import AT_ONCE_BYTES, off_the_loop, weight_of
from llm_gateway.domain.chat import ChatRequest, UserMessage
from llm_gateway.domain.embedding import EmbedRequest

LONG = AT_ONCE_BYTES + 1
request = ContextVar("request", default="")


async def test_small_work_is_done_in_place_without_giving_way() -> None:
    turns: list[str] = []
    asyncio.get_running_loop().call_soon(turns.append, "another")
    assert await off_the_loop(AT_ONCE_BYTES, current_thread) is main_thread()
    assert turns == []


async def test_long_work_leaves_the_loop_to_others() -> None:
    going_on = Event()
    asyncio.get_running_loop().call_soon(going_on.set)
    assert await off_the_loop(LONG, lambda: going_on.wait(60))
    assert await off_the_loop(LONG, current_thread) is not main_thread()


@pytest.mark.parametrize("weight", [1, LONG])
async def test_work_sees_the_context_of_its_caller_and_changes_it_nowhere_else(weight: int) -> None:
    request.set("mine")
    assert await off_the_loop(weight, request.get) == "mine"


@pytest.mark.parametrize("weight", [1, LONG])
async def test_what_work_raises_is_raised(weight: int) -> None:
    def fail() -> None:
        raise RecursionError("too deep")

    with pytest.raises(RecursionError, match="too deep"):
        await off_the_loop(weight, fail)


async def test_one_piece_of_long_work_is_done_at_a_time() -> None:
    """Two threads of Python would take turns, and the loop would wait for both."""
    release = Event()
    done: list[int] = []

    def work(number: int) -> None:
        release.wait(60)
        done.append(number)

    first = asyncio.create_task(off_the_loop(LONG, partial(work, 1)))
    second = asyncio.create_task(off_the_loop(LONG, partial(done.append, 2)))
    await asyncio.sleep(0)
    assert done == []
    release.set()
    await asyncio.gather(first, second)
    assert done == [1, 2]


async def test_a_caller_that_leaves_goes_at_once_and_work_that_has_not_begun_is_not_done() -> None:
    began, release = Event(), Event()
    done: list[str] = []

    def work() -> None:
        began.set()
        release.wait(60)
        done.append("begun")

    under_way = asyncio.create_task(off_the_loop(LONG, work))
    waiting = asyncio.create_task(off_the_loop(LONG, partial(done.append, "waiting")))
    await asyncio.to_thread(began.wait, 60)
    for caller in (under_way, waiting):
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
    assert done == []
    release.set()
    await off_the_loop(LONG, partial(done.append, "next"))
    assert done == ["begun", "next"]


@pytest.mark.parametrize("size", [10, 1_000, 100_000])
def test_a_request_weighs_about_what_it_is_in_bytes(size: int) -> None:
    for request in (
        ChatRequest(messages=(UserMessage(content="a" * size),)),
        EmbedRequest(inputs=("a" * (size // 2),) * 2),
    ):
        assert size < weight_of(request) < size + 300


def test_a_request_that_no_store_could_take_counts_as_long_work() -> None:
    assert weight_of(ChatRequest(messages=(UserMessage(content="\ud800"),))) > AT_ONCE_BYTES


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
def test_a_forked_process_has_a_thread_of_its_own() -> None:
    code = f"""
import asyncio, os
from {off_the_loop.__module__} import off_the_loop

def work():
    asyncio.run(asyncio.wait_for(off_the_loop({LONG}, int), 10))

work()
child = os.fork()
work()
if child:
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run((sys.executable, "-c", code), timeout=60, check=False).returncode == 0
