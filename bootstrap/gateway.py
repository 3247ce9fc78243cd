"""A gateway as its host holds it."""

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from llm_gateway.application.answer_chat import AnswerChat
from llm_gateway.application.authenticate import Authenticate
from llm_gateway.application.embed_texts import EmbedTexts
from llm_gateway.application.explain_chat import ExplainChat
from llm_gateway.application.list_models import ListModels
from llm_gateway.application.plan_route import PlanRoute
from llm_gateway.application.ports import (
    Clock,
    EndpointDirectory,
    Entropy,
    Observer,
    RequestLog,
    SharedStore,
    TrafficMeter,
)
from llm_gateway.application.single_flight import Flights

from .settings import Settings
from .telemetry import Telemetry


class Gateway(Struct, frozen=True, kw_only=True):
    """The use cases, and the ports that a door needs beside them. Good in the event loop that opened it."""

    settings: Settings
    authenticate: Authenticate
    plan_route: PlanRoute
    answer_chat: AnswerChat
    embed_texts: EmbedTexts
    explain_chat: ExplainChat
    list_models: ListModels
    endpoints: EndpointDirectory
    stores: Sequence[SharedStore]
    observer: Observer
    meter: TrafficMeter
    request_log: RequestLog
    render_metrics: Callable[[], Awaitable[bytes]] | None
    telemetry: Telemetry
    clock: Clock
    entropy: Entropy
    flights: Flights
