"""The servers that are measured, each in its own process: says its port, then its CPU time whenever it is asked."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial

import uvicorn
import uvloop
from litestar.types import Receive, Scope, Send
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from llm_gateway import (
    ChatEvent,
    ChatModel,
    ChatRequest,
    ClientId,
    Deadline,
    Endpoint,
    EndpointId,
    EndpointState,
    Feature,
    Finished,
    FinishReason,
    FixedEndpoints,
    Grain,
    Locality,
    RequestId,
    RequestLog,
    RequestRecord,
    Secret,
    Settings,
    Started,
    TextDelta,
    Usage,
    open_gateway,
)
from llm_gateway.adapters.outbound.logs.access_log import LineAccessLog
from llm_gateway.adapters.outbound.logs.line_writer import LineWriter
from llm_gateway.adapters.outbound.telemetry.silent import SilentObserver
from llm_gateway.application.ports.observation import AccessLog
from llm_gateway.bootstrap.opening import Overrides
from llm_gateway.bootstrap.serving import create_server, keep_for_good
from llm_gateway.bootstrap.settings import BucketSettings, ClientSettings

KEY = "sk-bench-0123456789"
SMALL_KEY = "sk-small-0123456789"
SMALL_CAPACITY = 20
SMALL_RATE = 10.0
WORDS = ["word "] * 200
ANSWER = "".join(WORDS)


class InstantModel(ChatModel):
    """Answers at once: what is measured is the gateway."""

    @override
    async def events(
        self, to: Endpoint, request: ChatRequest, *, grain: Grain, deadline: Deadline, headers: Mapping[str, str]
    ) -> AsyncGenerator[Sequence[ChatEvent], None]:
        yield (Started(endpoint=to.id),)
        for text in (ANSWER,) if grain is Grain.WHOLE else WORDS:
            yield (TextDelta(text=text),)
        usage = Usage(prompt_tokens=200, completion_tokens=200)
        yield (Finished(reason=FinishReason.STOP, usage=usage, model=to.id.model),)


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """The least that a server on uvicorn can do: read the body, send a constant of the same size."""
    body = b'{"content":"%b"}' % ANSWER.encode()
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def serve_bare() -> None:
    config = uvicorn.Config(
        bare,
        port=0,
        http=HttpToolsProtocol,
        ws="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
    )
    server = uvicorn.Server(config)
    config.load()
    listener = config.bind_socket()
    print(listener.getsockname()[1], flush=True)
    await server.serve([listener])


class NoLog(RequestLog):
    """Keeps nothing."""

    @override
    def put(self, record: RequestRecord) -> None:
        """Nothing is kept."""

    @override
    async def find(self, client: ClientId, request: RequestId) -> RequestRecord | None:
        return None


async def serve_gateway(redis_url: str | None = None, replicas: int = 1) -> None:
    """As it is served: with metrics, records, and a log, which goes nowhere. A second client's quota is small."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    writer = LineWriter(partial(os.write, nowhere))
    await _serve_gateway(LineAccessLog(writer, pretty=False), {}, redis_url, replicas)
    writer.close()
    os.close(nowhere)


async def serve_unobserved() -> None:
    """Without metrics, records and log: what they cost is the difference."""
    silent = SilentObserver()
    await _serve_gateway(None, {"observer": silent, "meter": silent, "request_log": NoLog()})


async def _serve_gateway(
    access_log: AccessLog | None, overrides: Overrides, redis_url: str | None = None, replicas: int = 1
) -> None:
    endpoint = Endpoint(id=EndpointId(provider="ollama", model="scripted"), locality=Locality.ON_PREMISES)
    settings = Settings(
        api_keys=(Secret(KEY),),
        port=0,
        rate_limiter_capacity=1_000_000,
        rate_limiter_refill_rate=100_000,
        cache_ttl_seconds=3600,
        redis_url=Secret(redis_url) if redis_url else None,
        expected_replicas=replicas,
        clients=(
            ClientSettings(
                name="small",
                keys=(Secret(SMALL_KEY),),
                requests=BucketSettings(capacity=SMALL_CAPACITY, refill_rate=SMALL_RATE),
            ),
        ),
    )
    overrides["chat_models"] = {"ollama": InstantModel()}
    overrides["endpoints"] = FixedEndpoints([EndpointState(endpoint=endpoint, features=frozenset(Feature))])
    async with open_gateway(settings, **overrides) as gateway:
        server = create_server(gateway, access_log=access_log)
        keep_for_good()
        serving = asyncio.create_task(server.serve())
        print(await server.listening(), flush=True)
        await serving


def _tell_cpu_time() -> None:
    for _ in sys.stdin:
        print(time.process_time_ns(), flush=True)


if __name__ == "__main__":
    threading.Thread(target=_tell_cpu_time, daemon=True).start()
    kind, *options = sys.argv[1:]
    redis_url, replicas = (*options, None, "1")[:2]
    if kind == "gateway":
        uvloop.run(serve_gateway(redis_url, int(replicas or 1)))
    else:
        uvloop.run({"bare": serve_bare, "unobserved": serve_unobserved}[kind]())
