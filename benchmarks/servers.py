"""The servers that are measured, each in its own process: says its port, then its CPU time whenever it is asked."""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncGenerator, Mapping

import uvicorn
import uvloop
from litestar.types import Receive, Scope, Send
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from llm_gateway import (
    ChatEvent,
    ChatModel,
    ChatRequest,
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
    Secret,
    Settings,
    Started,
    TextDelta,
    Usage,
    open_gateway,
)
from llm_gateway.bootstrap.serving import create_server
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
    ) -> AsyncGenerator[ChatEvent, None]:
        yield Started(endpoint=to.id)
        for text in (ANSWER,) if grain is Grain.WHOLE else WORDS:
            yield TextDelta(text=text)
        usage = Usage(prompt_tokens=200, completion_tokens=200)
        yield Finished(reason=FinishReason.STOP, usage=usage, model=to.id.model)


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


async def serve_gateway(redis_url: str | None = None, replicas: int = 1) -> None:
    """With a second client, whose quota is small."""
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
    async with open_gateway(
        settings,
        chat_models={"ollama": InstantModel()},
        endpoints=FixedEndpoints([EndpointState(endpoint=endpoint, features=frozenset(Feature))]),
    ) as gateway:
        server = create_server(gateway)
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
    uvloop.run(serve_bare() if kind == "bare" else serve_gateway(redis_url, int(replicas or 1)))
