"""The embedded model as a provider: the engine blocks a thread of its own, and the loop waits."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from typing_extensions import override

from llm_gateway.application.ports.models import ChatModel, EndpointDirectory
from llm_gateway.application.ports.observation import QueueMeter
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.chat import ChatRequest, Grain
from llm_gateway.domain.errors import ProviderError, ProviderTimeout, ProviderUnavailable
from llm_gateway.domain.events import ChatEvent, Finished
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Locality

from .engine import Engine, LoadFailed
from .job import Job
from .limits import CONTEXT_LENGTH, OUTPUT_LIMIT, PROVIDER
from .model_file import fingerprint, model_name
from .parameters import FEATURES, LEFT_OUT
from .request_queue import RequestQueue
from .transcript import Transcript
from .translate import DEMONSTRATION_SYSTEM, request_body

log = logging.getLogger("llm_gateway.embedded")


class EmbeddedChatModel(ChatModel, EndpointDirectory):
    """One endpoint, and its model. Answers one request at a time, in the order in which they came.

    Between `start` and the end of loading it counts as usable: a request waits for the model, within its own deadline,
    because whoever tries the gateway for the first time asks within the first second. A caller that leaves stops its
    generation at the engine's next token, or at the next step through its prompt; the one after it waits until then.
    """

    def __init__(
        self, model_file: Path, clock: Clock, *, demonstration: bool = False, meter: QueueMeter | None = None
    ) -> None:
        id = EndpointId(provider=PROVIDER, model=model_name(model_file))
        self._endpoint = Endpoint(id=id, locality=Locality.ON_PREMISES, fingerprint=fingerprint(model_file))
        self._demonstration = demonstration
        self._system = DEMONSTRATION_SYSTEM if demonstration else None
        self._clock = clock
        self._engine = Engine(model_file, self._endpoint.id.model)
        self._queue = RequestQueue(clock, meter)
        self._jobs: set[Job] = set()
        self._executor: ThreadPoolExecutor | None = None
        self._loading: asyncio.Future[None] | None = None
        self._unusable: str | None = "it was not started"

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return self._queue.waiting

    @override
    def snapshot(self) -> Sequence[EndpointState]:
        loading = self._unusable is None and self._loading is not None and not self._loading.done()
        state = EndpointState(
            endpoint=self._endpoint,
            features=FEATURES,
            left_out=LEFT_OUT,
            unusable=self._unusable,
            demonstration=self._demonstration,
            loading=loading,
            context_length=CONTEXT_LENGTH,
            output_limit=OUTPUT_LIMIT,
        )
        return (state,)

    def start(self) -> None:
        """Begin to load, in the background. Called once, in the running loop, whose model this is from then on."""
        # An executor and not a daemon thread: a daemon killed inside the engine at exit takes the process down with it.
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedded-model")
        self._unusable = None
        self._loading = asyncio.get_running_loop().run_in_executor(self._executor, self._engine.load)
        self._loading.add_done_callback(self._loaded)

    async def aclose(self) -> None:
        """Stop what runs, free the model, end the thread. Waits for a load that is under way: it can't be stopped."""
        executor, self._executor = self._executor, None
        if executor is None:
            return
        self._unusable = "it is closed"
        for job in self._jobs:
            job.stop()
        try:
            await asyncio.get_running_loop().run_in_executor(executor, self._engine.close)
        finally:
            executor.shutdown(wait=False)
        executor.shutdown(wait=True)  # at once: its thread has nothing left to do

    @override
    async def events(
        self,
        to: Endpoint,
        request: ChatRequest,
        *,
        grain: Grain,
        deadline: Deadline,
        headers: Mapping[str, str],
    ) -> AsyncGenerator[Sequence[ChatEvent], None]:
        job = Job(request_body(request, system=self._system), Transcript(to.id, grain))
        self._jobs.add(job)
        try:
            until = deadline.first
            await self._submit(job, Deadline(until))
            while True:
                try:
                    async with self._clock.timeout_at(until):
                        batch = await job.inbox.get()
                except TimeoutError:
                    raise ProviderTimeout(PROVIDER, "the answer was not complete in time") from None
                if isinstance(batch, ProviderError):
                    raise batch
                yield batch
                until = deadline.at
                if isinstance(batch[-1], Finished):
                    return
        finally:
            job.stop()
            self._jobs.discard(job)

    async def _submit(self, job: Job, deadline: Deadline) -> None:
        """Wait for the turn and for the model, then set the engine to work. The turn ends with the engine's work."""
        await self._queue.enter(deadline)
        try:
            executor = await self._ready(deadline)
            running = asyncio.get_running_loop().run_in_executor(executor, job.run, self._engine)
        except BaseException:
            self._queue.leave()
            raise
        self._queue.begin()
        running.add_done_callback(partial(self._ended, job))

    async def _ready(self, deadline: Deadline) -> ThreadPoolExecutor:
        if self._loading is not None:
            try:
                async with self._clock.timeout_at(deadline.at):
                    await asyncio.wait((self._loading,))
            except TimeoutError:
                raise ProviderTimeout(PROVIDER, "the model is still loading") from None
        if self._executor is None or self._unusable is not None:
            raise ProviderUnavailable(PROVIDER, self._unusable or "it is closed")
        return self._executor

    def _loaded(self, loading: "asyncio.Future[None]") -> None:
        error = None if loading.cancelled() else loading.exception()
        if error is not None and self._executor is not None:
            self._unusable = str(error) if isinstance(error, LoadFailed) else "the model can't be loaded"
            log.warning("%s: %s", self._endpoint.name, self._unusable)
        elif error is None and not loading.cancelled():
            log.info("%s is loaded", self._endpoint.name)

    def _ended(self, job: Job, running: "asyncio.Future[None]") -> None:
        self._queue.leave()
        job.ended(running.exception())
