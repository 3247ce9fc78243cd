"""What became of a request, for the key that asked it: `GET /api/v1/requests/{id}`."""

from msgspec import json

from llm_gateway.application.authenticate import Authenticate
from llm_gateway.application.ports.stores import RequestLog
from llm_gateway.application.records import RequestId

from ..common.problems import NotFound
from ..common.replies import Reply, json_reply
from ..common.request_context import HttpRequest, context_of
from ..common.requests import api_key
from .decisions_wire import decision_of


class DecisionsHandlers:
    """Reads the decision records of the key that asks."""

    def __init__(self, authenticate: Authenticate, log: RequestLog) -> None:
        self._authenticate = authenticate
        self._log = log

    async def find(self, request: HttpRequest) -> Reply:
        """Raises `NotFound` also for what another key asked, so that a key cannot learn whether it did."""
        client = await self._authenticate(api_key(context_of(request.scope).fields))
        record = await self._log.find(client.id, RequestId(request.path_params["id"]))
        if record is None:
            raise NotFound("This key has no such request, or not any more.")
        return json_reply(json.encode(decision_of(record)), [(b"cache-control", b"no-store")])
