"""Generated worlds to plan in: endpoints, routes, clients and calls, sensible and not."""

from functools import cache
from random import Random
from typing import TypeVar

from msgspec import Struct

from llm_gateway.domain.chat import (
    ChatCall,
    ChatRequest,
    JsonFormat,
    Sampling,
    Text,
    Tool,
    UserMessage,
)
from llm_gateway.domain.clients import Client, ClientId
from llm_gateway.domain.embedding import EmbedCall, EmbedRequest
from llm_gateway.domain.errors import GatewayError
from llm_gateway.domain.media import Image
from llm_gateway.domain.planning import make_embedding_plan, make_plan
from llm_gateway.domain.quota import Quota
from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Feature, Hint, Locality, Plan, Routes, Task

T = TypeVar("T")

CHATS = frozenset({Task.CHAT})
PROVIDERS = ("gemini", "ollama", "embedded")
MODELS = ("big", "small")
NAMES = (*PROVIDERS, *MODELS, *(f"{provider}/{model}" for provider in PROVIDERS for model in MODELS))


def asking(text: str = "Hello", **fields: object) -> ChatRequest:
    return ChatRequest(messages=(UserMessage(content=(Text(text=text),)),), **fields)  # type: ignore[arg-type]


REQUESTS = (
    asking(),
    asking(sampling=Sampling(seed=1)),
    asking(tools=(Tool(name="look"),), response_format=JsonFormat()),
    ChatRequest(messages=(UserMessage(content=(Text(text="What is it?"), Image(data=b"x", mime_type="image/png"))),)),
)


class World(Struct, frozen=True, kw_only=True):
    endpoints: tuple[EndpointState, ...]
    routes: Routes
    client: Client
    call: ChatCall

    def outcome(self) -> Plan | GatewayError:
        try:
            return make_plan(self.call, self.client, self.endpoints, self.routes)
        except GatewayError as error:
            return error

    def embedding_outcome(self) -> Plan | GatewayError:
        """Of an embedding that names what the chat names."""
        request = EmbedRequest(inputs=("Hello",))
        call = EmbedCall(request=request, model=self.call.model or "small", hint=self.call.hint)
        try:
            return make_embedding_plan(call, self.client, self.endpoints, self.routes)
        except GatewayError as error:
            return error

    @property
    def hints(self) -> set[Hint]:
        """Those that the call mentions."""
        named = {hint for hint in Hint if hint.value == self.call.model}
        return named if self.call.hint is None else {*named, self.call.hint}


@cache
def outcomes() -> list[tuple[World, Plan | GatewayError]]:
    """The same thousands of worlds on every run, and what planning makes of them."""
    worlds = [_Maker(seed).world() for seed in range(8_000)]
    return [(world, world.outcome()) for world in worlds]


def plans() -> list[tuple[World, Plan]]:
    return [(world, outcome) for world, outcome in outcomes() if isinstance(outcome, Plan)]


@cache
def embedding_outcomes() -> list[tuple[World, Plan | GatewayError]]:
    return [(world, world.embedding_outcome()) for world, _ in outcomes()]


class _Maker(Random):
    """Plain chance, because thousands of worlds are worth more here than small ones, and cost less."""

    def world(self) -> World:
        ids = [EndpointId(provider=provider, model=model) for provider in PROVIDERS for model in MODELS]
        return World(
            endpoints=tuple(self._state(id) for id in self.sample(ids, self.randint(2, len(ids)))),
            routes={hint: self._some((*PROVIDERS, *PROVIDERS, *NAMES, "nobody")) for hint in Hint},
            client=Client(
                id=ClientId("one"),
                namespace="team",
                quota=Quota(),
                hints=frozenset(self._some(tuple(Hint))) if self._rarely() else None,
                models=frozenset(self._some(NAMES)) if self._rarely() else None,
            ),
            call=ChatCall(
                request=self.choice(REQUESTS),
                model=self.choice((None, self.choice(list(Hint)).value, self.choice((*NAMES, "nobody")))),
                hint=self.choice((None, self.choice(list(Hint)), Hint.SECURE)),
            ),
        )

    def _state(self, id: EndpointId) -> EndpointState:
        return EndpointState(
            endpoint=Endpoint(id=id, locality=self.choice(list(Locality))),
            features=frozenset(self._some(tuple(Feature))) if self._rarely() else frozenset(Feature),
            configured=not self._rarely(),
            unusable="away" if self._rarely() else None,
            pin_only=self._rarely(),
            demonstration=self._rarely(),
            tasks=self.choice((CHATS, CHATS, CHATS, frozenset(Task), frozenset({Task.EMBED}))),
        )

    def _rarely(self) -> bool:
        return self.random() < 0.2

    def _some(self, values: tuple[T, ...]) -> tuple[T, ...]:
        return tuple(self.choices(values, k=self.randint(0, 4)))
