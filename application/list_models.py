"""What a client may name as its model now: by construction, what a plain request with that name has a plan for."""

from collections.abc import Iterator

from llm_gateway.domain.chat import ChatCall, ChatRequest, Text, UserMessage
from llm_gateway.domain.clients import Client
from llm_gateway.domain.embedding import EmbedCall, EmbedRequest
from llm_gateway.domain.errors import GatewayError, InvalidRequest
from llm_gateway.domain.routing import Hint, Locality, Plan, Task
from llm_gateway.domain.sequences import CheckedStruct

from .plan_route import PlanRoute
from .ports.models import EndpointDirectory

_PLAIN = ChatRequest(messages=(UserMessage(content=(Text(text="Hello"),)),))
_TEXT = EmbedRequest(inputs=("Hello",))


class UsableModel(CheckedStruct, frozen=True, kw_only=True):
    """A hint or a model by the name that a request gives it.

    `owner` is the provider, None of a hint. A hint that may lead to the cloud is `CLOUD`. `context_length`, in tokens,
    is the shortest of all that may answer; None where one is unknown. `tasks` are what it can be asked for. `alias_of`
    is what an alias stands for.
    """

    name: str
    owner: str | None
    locality: Locality
    context_length: int | None
    tasks: frozenset[Task]
    alias_of: str | None = None


class ListModels:
    """Lists the hints and models that a client may name now, each with the place of what answers."""

    def __init__(self, plan_route: PlanRoute, directory: EndpointDirectory) -> None:
        self._plan_route = plan_route
        self._directory = directory

    def __call__(self, client: Client) -> tuple[UsableModel, ...]:
        """Hints first, then models as `provider/model`, then aliases."""
        return tuple(self._usable(client))

    def _usable(self, client: Client) -> Iterator[UsableModel]:
        models = (state.endpoint.name for state in self._directory.snapshot())
        for name in dict.fromkeys((*Hint, *models, *self._plan_route.aliases(client))):
            try:
                yield self.find(name, client)
            except GatewayError:
                continue  # what planning refuses is not listed

    def find(self, name: str, client: Client) -> UsableModel:
        """The model by any name that a request may give it. Raises what planning with it raises."""
        try:
            plan = self._plan_route(ChatCall(request=_PLAIN, model=name), client)
        except InvalidRequest:  # a model that does not chat
            plan = self._plan_route.for_embedding(EmbedCall(request=_TEXT, model=name), client)
        lengths = [state.context_length for state in plan.endpoints]
        known = [length for length in lengths if length is not None]
        return UsableModel(
            name=name,
            owner=plan.endpoints[0].endpoint.id.provider if plan.pinned else None,
            locality=_locality(plan),
            context_length=min(known) if len(known) == len(lengths) else None,
            tasks=plan.endpoints[0].tasks if plan.pinned else frozenset({Task.CHAT}),
            alias_of=plan.alias.target if plan.alias else None,
        )


def _locality(plan: Plan) -> Locality:
    cloud = any(state.endpoint.locality is Locality.CLOUD for state in plan.endpoints)
    return Locality.CLOUD if cloud else Locality.ON_PREMISES
