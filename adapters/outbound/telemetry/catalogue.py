"""Every metric as data: what the instruments are made of, and what `docs/metrics.md` is generated from."""

from enum import StrEnum
from functools import partial

from msgspec import Struct

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
SHORT_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
PER_TOKEN_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.5)
TOKENS = tuple(4.0**power for power in range(14))
"""Bucket bounds; OpenTelemetry's own are for milliseconds."""


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(Struct, frozen=True):
    """`instrument` and `attributes` are OpenTelemetry's names, `name` and `labels` are Prometheus's.

    `worst`: several workers have the largest of their values instead of the sum.
    """

    kind: Kind
    instrument: str
    description: str
    attributes: tuple[str, ...] = ()
    unit: str = ""
    bounds: tuple[float, ...] = ()
    worst: bool = False

    @property
    def name(self) -> str:
        """As Prometheus spells it, without the suffixes of a histogram's series."""
        unit = "_seconds" if self.unit == "s" else ""
        total = "_total" if self.kind is Kind.COUNTER else ""
        return self.instrument.replace(".", "_") + unit + total

    @property
    def labels(self) -> tuple[str, ...]:
        """Each has its values in `LABELS`."""
        return tuple(attribute.replace(".", "_") for attribute in self.attributes)


LABELS = {
    "outcome": "`answered`, `left` for a client that went away, or the class of the error",
    "provider": "a provider of the configuration",
    "model": "a model of the endpoints that `/health/ready` lists",
    "status": "the provider's HTTP status; empty where it gave none",
    "reason": "the class of the failure, one of a fixed few; empty where none is known",
    "type": "`prompt`, `completion`, `reasoning` (a part of `completion`) or `cached` (a part of `prompt`)",
    "operation": "what was asked of Redis, one of a fixed few",
    "store": "`redis`, or `cache_redis` where CACHE_REDIS_URL is another",
    "mode": "`shared`, `local`, `open` or `closed`",
    "version": "the gateway's",
    "python": "the interpreter's",
    "error_type": "empty for a whole answer, `left` where nobody waited for it any more, or the class of the error",
    "gen_ai_operation_name": "`chat` or `embeddings`",
    "gen_ai_provider_name": "a provider of the configuration; Gemini is `gcp.gemini` by the conventions",
    "gen_ai_request_model": "a model of the endpoints that `/health/ready` lists",
    "gen_ai_token_type": "`input` or `output`",
    "gen_ai_token_modality": "`text`, or `unknown` where the provider does not count by it",
    "http_request_method": "`GET`, `HEAD`, `POST`, `OPTIONS` or `_OTHER`",
    "http_route": "one of the server's own paths, or `unmatched`",
    "http_response_status_code": "the status; 499 for a client that left before the end",
}
"""The values that each label can have: closed sets, of which a client can invent none."""

GEN_AI = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model")
_counter = partial(Metric, Kind.COUNTER)
_gauge = partial(Metric, Kind.GAUGE)
_histogram = partial(Metric, Kind.HISTOGRAM, unit="s", bounds=SECONDS)

REQUESTS = _counter("gateway_requests", "Chats and embeddings by outcome", ("outcome",))
ALLOWED = _counter("rate_limit_allowed", "Requests that their client's quota allowed")
BLOCKED = _counter("rate_limit_blocked", "Requests that their client's quota did not allow")
ANSWERS = _gauge("gateway_answers_under_way", "Chats and embeddings that are being answered")
ANSWERS_WAITING = _gauge("gateway_answers_waiting_bytes", "What waits of all answers for clients that read slowly")
CACHE_HITS = _counter("cache_hits", "Requests answered from the cache")
CACHE_MISSES = _counter("cache_misses", "Look-ups that found nothing; with the hits they are all look-ups")
SAVED_TOKENS = _counter("gateway_cache_saved_tokens", "Tokens of the answers that came from the cache")
SAVED_SECONDS = _counter(
    "gateway_cache_saved", "What the answers that came from the cache had taken their providers", unit="s"
)
PROVIDER_CALLS = _counter("provider_calls", "Calls to providers", ("provider",))
PROVIDER_FAILURES = _counter("provider_failures", "Calls to providers that failed", ("provider",))
PROVIDER_ERRORS = _counter(
    "provider_errors",
    "Calls to providers that failed, by the provider's status and the class of its failure",
    ("provider", "model", "status", "reason"),
)
COST = _counter("gateway_cost_dollars", "What calls cost by the known prices", ("provider", "model"))
COST_UNKNOWN = _counter(
    "gateway_cost_unknown",
    "Calls whose cost is not known: no price, or no count of what was used",
    ("provider", "model"),
)
TOKENS_USED = _counter(
    "gateway_tokens", "Tokens that providers counted, or estimates where they did not", ("provider", "type")
)
BREAKER_STATE = _gauge(
    "gateway_breaker_state", "0 closed, 1 half-open, 2 open: not asked for now", ("provider", "model"), worst=True
)
ENDPOINT_OUT = _gauge(
    "gateway_endpoint_out",
    "1 for an endpoint that is not asked before a time that its vendor set, as for a quota of the day",
    ("provider", "model"),
    worst=True,
)
ENDPOINT_FAULT = _gauge(
    "gateway_endpoint_fault",
    "1 for an endpoint with a fault that an operator has to mend, as `/health/ready` tells",
    ("provider", "model"),
    worst=True,
)
ANSWERED_BY_OTHER = _gauge(
    "gateway_answered_by_other",
    "1 where another model answers than the name says or was seen first: a moved alias, or a redirected name",
    ("provider", "model"),
    worst=True,
)
QUEUE_DEPTH = _gauge("gateway_queue_depth", "Calls that wait for their turn, where calls wait", ("provider",))
QUEUE_WAIT = _histogram("gateway_queue_wait", "How long calls waited for their turn, where calls wait", ("provider",))
OPERATION_DURATION = _histogram(
    "gen_ai.client.operation.duration",
    "Calls to providers, as long as the provider was waited for",
    (*GEN_AI, "error.type"),
)
TOKEN_USAGE = _histogram(
    "gen_ai.client.token.usage",
    "Tokens that providers counted, or estimates where they did not, a call",
    (*GEN_AI, "gen_ai.token.type"),
    unit="{token}",
    bounds=TOKENS,
)
FIRST_TOKEN = _histogram(
    "gen_ai.server.time_to_first_token", "Streamed calls to providers, to their first event", GEN_AI
)
PER_TOKEN = _histogram(
    "gen_ai.server.time_per_output_token",
    "Streamed calls to providers, for each token after the first",
    GEN_AI,
    bounds=PER_TOKEN_SECONDS,
)
HTTP_ACTIVE = _gauge("http.server.active_requests", "HTTP requests under way")
HTTP_DURATION = _histogram(
    "http.server.request.duration",
    "HTTP requests, to the end of the answer",
    ("http.request.method", "http.route", "http.response.status_code"),
)
LIMITER_MODE = _gauge(
    "gateway_limiter_mode",
    "1 for how quotas are kept now, 0 for the other ways; only with REDIS_URL, from the first charge on",
    ("mode",),
    worst=True,
)
REDIS_DURATION = _histogram(
    "gateway_redis_duration", "Calls to Redis, failed ones too", ("operation",), bounds=SHORT_SECONDS
)
REDIS_UNUSABLE = _gauge(
    "gateway_redis_unusable",
    "1 where a Redis is away, refuses or is something else, else 0; by the latest call, or look at readiness",
    ("store",),
    worst=True,
)
REDIS_FAILURES = _counter("gateway_redis_failures", "Calls to Redis that failed", ("operation",))
LOOP_LAG = _histogram(
    "gateway_event_loop_lag", "How late the event loop came to a timer, measured twice a second", bounds=SHORT_SECONDS
)
LOG_DROPPED = _counter("gateway_log_lines_dropped", "Lines that the log could not be written fast enough for")
WORKERS = _gauge("gateway_workers", "Worker processes that answered this scrape")
WORKERS_HUNG = _counter("gateway_workers_hung", "Workers that were ended and replaced because they gave no sign")
BUILD_INFO = _gauge("gateway_build_info", "Always 1", ("version", "python"), worst=True)

CATALOGUE = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
"""All of the above, in the order of the page."""
