"""The plan for a call: every reason to refuse it that can be known before anything is charged."""

from llm_gateway.domain.chat import ChatCall
from llm_gateway.domain.clients import Client
from llm_gateway.domain.embedding import EmbedCall
from llm_gateway.domain.planning import make_embedding_plan, make_plan
from llm_gateway.domain.routing import DEFAULT_ROUTES, Plan, Routes, checked_routes
from llm_gateway.domain.validation import check, check_embedding

from .ports.models import EndpointDirectory


class PlanRoute:
    """Decides which endpoints a call may go to, in which order, before anything is charged or sent.

    `routes` are added to the default ones, hint by hint. Raises `TypeError` for a route that is no sequence of names.
    """

    def __init__(self, directory: EndpointDirectory, routes: Routes = DEFAULT_ROUTES) -> None:
        self._directory = directory
        self._routes = {**DEFAULT_ROUTES, **checked_routes(routes)}

    def __call__(self, call: ChatCall, client: Client) -> Plan:
        """Raises `InvalidRequest`, `UnknownModel`, `Forbidden` or `NoRoute`."""
        check(call)
        return make_plan(call, client, self._directory.snapshot(), self._routes)

    def for_embedding(self, call: EmbedCall, client: Client) -> Plan:
        """One endpoint. Raises `InvalidRequest`, `UnknownModel`, `Forbidden` or `NoRoute`."""
        check_embedding(call)
        return make_embedding_plan(call, client, self._directory.snapshot(), self._routes)
