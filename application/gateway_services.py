"""What a gateway offers to inbound adapters: the one description that its builder and all of them share."""

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from .answer_chat import AnswerChat
from .authenticate import Authenticate
from .count_tokens import CountTokens
from .embed_texts import EmbedTexts
from .explain_chat import ExplainChat
from .list_models import ListModels
from .plan_route import PlanRoute
from .ports.models import EndpointDirectory
from .ports.observation import Observer, TrafficMeter
from .ports.stores import RequestLog, SharedStore
from .ports.system import Clock, Entropy


class GatewayServices(Struct, frozen=True, kw_only=True):
    """The use cases, and the ports that are used beside them. Good in the event loop that opened it.

    `render_metrics` gives the metrics' text; None where there are none.
    """

    authenticate: Authenticate
    plan_route: PlanRoute
    answer_chat: AnswerChat
    embed_texts: EmbedTexts
    explain_chat: ExplainChat
    count_tokens: CountTokens
    list_models: ListModels
    endpoints: EndpointDirectory
    stores: Sequence[SharedStore]
    observer: Observer
    meter: TrafficMeter
    request_log: RequestLog
    render_metrics: Callable[[], Awaitable[bytes]] | None
    clock: Clock
    entropy: Entropy
