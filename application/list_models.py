"""What a client may name as its model now. By construction: a name is listed where a plain chat with it has a plan."""

from collections.abc import Iterator

from msgspec import Struct

from llm_gateway.domain.chat import ChatCall, ChatRequest, Text, UserMessage
from llm_gateway.domain.clients import Client
from llm_gateway.domain.errors import GatewayError
from llm_gateway.domain.routing import Hint, Locality, Plan

from .plan_route import PlanRoute
from .ports import EndpointDirectory

_PLAIN = ChatRequest(messages=(UserMessage(content=(Text(text="Hello"),)),))


class UsableModel(Struct, frozen=True, kw_only=True):
    """A hint or a model by the name that a request gives it.

    `owner` is the provider, None of a hint. A hint that may lead to the cloud is `CLOUD`. `context_length`, in tokens,
    is the shortest of all that may answer; None where one is unknown.
    """

    name: str
    owner: str | None
    locality: Locality
    context_length: int | None


class ListModels:
    def __init__(self, plan_route: PlanRoute, directory: EndpointDirectory) -> None:
        self._plan_route = plan_route
        self._directory = directory

    def __call__(self, client: Client) -> tuple[UsableModel, ...]:
        """Hints first, then models as `provider/model`."""
        return tuple(self._usable(client))

    def _usable(self, client: Client) -> Iterator[UsableModel]:
        for name in (*Hint, *(state.endpoint.name for state in self._directory.snapshot())):
            try:
                yield self.find(name, client)
            except GatewayError:
                continue  # what planning refuses is not listed

    def find(self, name: str, client: Client) -> UsableModel:
        """The model by any name that a request may give it. Raises what planning a chat with it raises."""
        plan = self._plan_route(ChatCall(request=_PLAIN, model=name), client)
        lengths = [state.context_length for state in plan.endpoints]
        known = [length for length in lengths if length is not None]
        return UsableModel(
            name=name,
            owner=plan.endpoints[0].endpoint.id.provider if plan.pinned else None,
            locality=_locality(plan),
            context_length=min(known) if len(known) == len(lengths) else None,
        )


def _locality(plan: Plan) -> Locality:
    cloud = any(state.endpoint.locality is Locality.CLOUD for state in plan.endpoints)
    return Locality.CLOUD if cloud else Locality.ON_PREMISES
