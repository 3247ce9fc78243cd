"""Calls upstream that do what a test tells them, one step at a time."""

import asyncio

from llm_gateway.application.shared_answer import Reader, SharedAnswer
from llm_gateway.domain.chat import FinishReason, Usage
from llm_gateway.domain.errors import ProviderBroken, QuotaExceeded
from llm_gateway.domain.events import ChatEvent, Finished, Started, TextDelta
from llm_gateway.domain.quota import Decision
from llm_gateway.domain.routing import EndpointId

ENDPOINT = EndpointId(provider="gemini", model="flash")
FINISHED = Finished(reason=FinishReason.STOP, usage=Usage(prompt_tokens=1, completion_tokens=1), model="scripted-1")


class End:
    """The call upstream is over: nothing is left to do after its last event."""


class Source:
    """What a reader brings to a flight. `open` is how many of its calls are under way, `sent` what they yielded."""

    def __init__(self, *steps: ChatEvent | Exception | End) -> None:
        self.calls = 0
        self.open = 0
        self.sent = 0
        self.closing_turns = 0
        self._steps: asyncio.Queue[ChatEvent | Exception | End] = asyncio.Queue()
        self.then(*steps)

    def then(self, *steps: ChatEvent | Exception | End) -> None:
        for step in steps:
            self._steps.put_nowait(step)

    async def __call__(self, answer: SharedAnswer) -> None:
        self.calls += 1
        self.open += 1
        try:
            while True:
                match await self._steps.get():
                    case End():
                        return
                    case Exception() as error:
                        raise error
                    case event:
                        self.sent += 1
                        answer.collector.add(event)
                        if answer.publish((event,)):
                            await answer.room()
        finally:
            for _ in range(self.closing_turns):
                await asyncio.sleep(0)
            self.open -= 1


def events_of(*words: str) -> list[ChatEvent]:
    """What has come of an answer after these words."""
    return [Started(endpoint=ENDPOINT), *(TextDelta(text=word) for word in words)]


def answer_of(*words: str) -> list[ChatEvent]:
    return [*events_of(*words), FINISHED]


def whole(*words: str) -> Source:
    return Source(*answer_of(*words), End())


def broken() -> ProviderBroken:
    return ProviderBroken("gemini", "the connection was reset")


def refused() -> QuotaExceeded:
    return QuotaExceeded(Decision(allowed=False, retry_after_ms=1000))


async def read(reader: Reader) -> list[ChatEvent]:
    """To the end, and close."""
    try:
        return [event async for event in reader]
    finally:
        await reader.aclose()
