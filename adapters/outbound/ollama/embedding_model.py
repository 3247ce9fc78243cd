"""Embeddings by an Ollama server: the calls, their patience, and nothing of what is said in them."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from functools import partial

from typing_extensions import override

from llm_gateway.application.long_work import off_the_loop, weight_of
from llm_gateway.application.ports.models import EmbeddingModel
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest
from llm_gateway.domain.errors import ProviderError
from llm_gateway.domain.resilience import Deadline
from llm_gateway.domain.routing import Endpoint, EndpointId, Task

from ..vendor_http.client import MAX_BODY_BYTES
from .client import Clients
from .failures import OllamaFailures
from .first_part import FirstParts
from .loading import Loaded, Loads
from .names import hold_local
from .options import Options
from .rest import OllamaRest
from .translate_embedding import embed_bodies, embed_reply
from .translate_request import encoded
from .transport import Connect
from .version import ServerVersion
from .wire import Vectors, vectors


class OllamaEmbeddingModel(EmbeddingModel):
    """The embedding models of one server.

    A model that is not loaded is loaded first, which has a budget of its own: the deadline that a call is given is
    moved on by the seconds that the call waited for a load. To be made inside the event loop that will use it.
    """

    def __init__(
        self,
        *,
        base_url: str,
        clock: Clock,
        num_ctx: int | None = None,
        keep_alive: str | None = None,
        api_key: str | None = None,
        load_seconds: float = 300.0,
        max_body_bytes: int = MAX_BODY_BYTES,
        version: ServerVersion | None = None,
        connect: Connect = OllamaRest,
    ) -> None:
        self._clock = clock
        self._options = Options(num_ctx=num_ctx, keep_alive=keep_alive)
        self._clients = Clients(base_url, clock, connect=connect, api_key=api_key, max_body_bytes=max_body_bytes)
        version = version or ServerVersion()
        self._loads = Loads(self._clients, self._options, clock, load_seconds, version=version, task=Task.EMBED)
        self._first_parts = FirstParts(self._loads, self._clients, clock, load_seconds)

    async def aclose(self) -> None:
        await self._loads.aclose()
        await self._clients.aclose()

    @override
    async def embed(
        self, to: Endpoint, request: EmbedRequest, *, deadline: Deadline, headers: Mapping[str, str]
    ) -> EmbedReply:
        bodies = await off_the_loop(weight_of(request), partial(self._bodies, to.id, request))
        ready = await self._loads.ready(to, deadline.at)
        until = deadline.at + ready.waited
        answers: list[Vectors] = []
        weight = 0
        try:
            for body in bodies:
                answer, size, loaded = await self._ask(to, ready.model, body, until, headers)
                answers.append(answer)
                weight += size
                until += loaded
                if answer.remote_host:
                    hold_local(to)
            reply = await off_the_loop(weight, partial(embed_reply, to, request, answers))
        except ProviderError as error:
            self._loads.failed(to, error, elsewhere=any(answer.remote_host for answer in answers))
            raise
        self._loads.answered(to, ready)
        return reply

    def _bodies(self, to: EndpointId, request: EmbedRequest) -> Sequence[bytes]:
        return [encoded(to, body) for body in embed_bodies(to.model, request, self._options)]

    async def _ask(
        self, to: Endpoint, model: Loaded, body: bytes, until: float, headers: Mapping[str, str]
    ) -> tuple[Vectors, int, float]:
        """The vectors, their bytes, and the seconds that a load took."""
        with OllamaFailures(to.id, self._clock.now, embeds=True):
            async with aclosing(self._clients.of(to.locality).embedding(body, headers, first_by=until)) as answer:
                parts, loaded = await self._first_parts.get(to, model, answer, until, vectors)
                (told,) = await off_the_loop(answer.size, partial(tuple, parts or ()))
            return told, answer.size, loaded
