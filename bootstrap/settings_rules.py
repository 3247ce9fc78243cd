"""What settings must be to each other."""

import re
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from urllib.parse import unquote, urlsplit

from llm_gateway.adapters.outbound.ollama.names import LIBRARY, REGISTRY
from llm_gateway.adapters.outbound.redis.client.address import parse_address
from llm_gateway.application.model_facts import ModelFacts
from llm_gateway.application.vendor_addresses import address_fault
from llm_gateway.domain.chat import ReasoningEffort
from llm_gateway.domain.quota import Bucket

from .alias_rules import alias_faults
from .configured_clients import DIGEST, digest_in
from .demonstration import demonstration_faults
from .kinds import BY_NAME, EMBEDDED, OWN_NAMES, SERVERS, provider_names
from .pools import pool_faults
from .providers import order_of
from .settings import EndpointSettings, Secret, Settings, is_loopback

LATEST_CONVENTIONS = "gen_ai_latest_experimental"
"""Of OTEL_SEMCONV_STABILITY_OPT_IN, as OpenTelemetry names it."""
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_LEVELS = tuple(level for level in ReasoningEffort if level is not ReasoningEffort.NONE)
MIN_KEY_LENGTH = 8


def rule_faults(settings: Settings) -> Iterator[str]:
    """A line for each rule that settings which are right one by one break together."""
    if settings.demo and not is_loopback(settings.host):
        yield f"HOST: {settings.host} is not a loopback address, and a demonstration is for this machine only"
    if settings.workers > 1 and settings.redis_url is None:
        yield "WORKERS: more than one needs REDIS_URL, or each would count limits for itself"
    if settings.workers > 1 and sys.platform == "win32":
        yield "WORKERS: more than one share a listener, which this system does not let them"
    for variable, url in (("REDIS_URL", settings.redis_url), ("CACHE_REDIS_URL", settings.cache_redis_url)):
        if url is not None:
            yield from _store_faults(variable, url)
    yield from _bucket_faults("RATE_LIMITER", settings.rate_limiter_capacity, settings.rate_limiter_refill_rate)
    yield from _client_faults(settings)
    yield from _address_faults(settings)
    for kind in SERVERS:
        if kind.missing_sdk(settings) is not None:
            yield f"{kind.name.upper()}_TRANSPORT: sdk needs the extra `{kind.name}`, which is not installed"
    yield from _vertex_faults(settings)
    yield from _otlp_faults(settings)
    yield from _opt_in_faults(settings)
    yield from _endpoint_faults(settings)
    yield from pool_faults(settings)
    yield from _model_faults(settings)
    yield from _price_faults(settings)
    yield from alias_faults(settings)
    for hint, route in settings.routes.items():
        yield from _route_faults(hint.value, route, provider_names(settings))
        yield from _pooled_faults(hint.value, route, settings)


def serving_faults(settings: Settings) -> Iterator[str]:
    """What a server needs beyond what an embedding application does."""
    if not (settings.api_keys or settings.clients or settings.redis_url or settings.demo):
        yield (
            "API_KEYS: no client could ask. Make a key with `llm-gateway keys new` and set API_KEYS to it, "
            "or try the demonstration with `llm-gateway serve --demo`"
        )
    yield from demonstration_faults(settings)


def otlp_headers(settings: Settings) -> Mapping[str, str]:
    """The collector's headers, as OpenTelemetry writes them. Raises `ValueError` for what is not `name=value`."""
    text = settings.otel_exporter_otlp_headers
    headers = {}
    for part in text.value.split(",") if text else ():
        name, equals, value = (unquote(piece).strip() for piece in part.partition("="))
        if not (equals and _HEADER_NAME.fullmatch(name) and value.isascii() and value.isprintable()):
            raise ValueError("not name=value")
        headers[name.lower()] = value
    return headers


def _address_faults(settings: Settings) -> Iterator[str]:
    for name, address, example in (
        *(
            (f"{kind.name.upper()}_BASE_URL", kind.own(settings).base_url, kind.example)
            for kind in reversed(SERVERS)
            if kind.own is not None
        ),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", settings.otel_exporter_otlp_endpoint, "http://localhost:4318"),
        *((f"{at}.base_url", row.base_url, BY_NAME[row.kind].example) for at, row in _rows(settings)),
    ):
        if address is None:
            continue
        if not _is_url(address):
            yield f"{name}: must be an address such as {example}"
        elif name != "OTEL_EXPORTER_OTLP_ENDPOINT" and (fault := address_fault(address)) is not None:
            yield f"{name}: {fault}, such as {example}"


def _vertex_faults(settings: Settings) -> Iterator[str]:
    project, location = settings.gemini_vertex_project, settings.gemini_vertex_location
    if (project is None) is not (location is None):
        given, lacking = ("PROJECT", "LOCATION") if location is None else ("LOCATION", "PROJECT")
        yield f"GEMINI_VERTEX_{given}: needs GEMINI_VERTEX_{lacking} too"
    if project is None:
        return
    if settings.gemini_transport != "sdk":
        yield "GEMINI_VERTEX_PROJECT: needs GEMINI_TRANSPORT=sdk, which knows Google's credentials"
    if settings.gemini_api_key is not None:
        yield "GEMINI_VERTEX_PROJECT: takes no GEMINI_API_KEY beside it, as only one of them can be asked"


def _otlp_faults(settings: Settings) -> Iterator[str]:
    try:
        otlp_headers(settings)
    except ValueError:
        yield "OTEL_EXPORTER_OTLP_HEADERS: must be name=value, separated by commas, both percent-encoded"


def _opt_in_faults(settings: Settings) -> Iterator[str]:
    """The variable is OpenTelemetry's, and may name other conventions, which are none of the gateway's."""
    for name in settings.otel_semconv_stability_opt_in:
        if name.startswith("gen_ai") and name != LATEST_CONVENTIONS:
            yield f"OTEL_SEMCONV_STABILITY_OPT_IN: {name} is unknown; {LATEST_CONVENTIONS} is not"


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number
        return False


def _store_faults(variable: str, url: Secret) -> Iterator[str]:
    try:
        parse_address(url.value)
    except ValueError as error:
        yield f"{variable}: {error}"
    if find_spec("redis") is None or find_spec("hiredis") is None:
        yield f"{variable}: needs the extra `redis`, which is not installed"


def _client_faults(settings: Settings) -> Iterator[str]:
    keys = [("API_KEYS", key) for key in settings.api_keys]
    names = set()
    for index, row in enumerate(settings.clients):
        keys += [(f"clients[{index}].keys", key) for key in row.keys]
        if row.name in names:
            yield f"clients[{index}].name: {row.name} is taken"
        names.add(row.name)
        for name, bucket in (("requests", row.requests), ("tokens", row.tokens)):
            if bucket is not None:
                yield from _bucket_faults(f"clients[{index}].{name}", bucket.capacity, bucket.refill_rate)
    seen = set()
    for name, key in keys:
        if key.value.startswith("sha256:") and not DIGEST.fullmatch(key.value):
            yield f"{name}: a digest is `sha256:` and 64 hexadecimal digits"
        elif len(key.value) < MIN_KEY_LENGTH:
            yield f"{name}: a key has at least {MIN_KEY_LENGTH} characters"
        elif digest_in(key) in seen:
            yield f"{name}: the same key stands there twice"
        else:
            seen.add(digest_in(key))


def _endpoint_faults(settings: Settings) -> Iterator[str]:
    named = [(at.partition("[")[0], row.name) for at, row in _rows(settings)]
    named += (("endpoints", row.name) for row in settings.pools)
    names = [name for _, name in named]
    for table, name in named:
        if name in OWN_NAMES or names.count(name) > 1:
            yield f"{table}: the name {name} is taken"
        elif name.lower() in (REGISTRY, LIBRARY):
            yield f"{table}: the name {name} begins models' names at Ollama, so that a right could mean either"
    for at, row in _rows(settings):
        yield from (f"{at}.{fault}" for fault in BY_NAME[row.kind].faults(order_of(row, settings)))


def _rows(settings: Settings) -> Iterator[tuple[str, EndpointSettings]]:
    """Each with its place in the TOML."""
    for table, rows in (("endpoints", settings.endpoints), ("providers", settings.providers)):
        yield from ((f"{table}[{index}]", row) for index, row in enumerate(rows))


def _model_faults(settings: Settings) -> Iterator[str]:
    told = {kind.name for kind in SERVERS if kind.table is not None and kind.own is not None}
    told |= {row.name for row in settings.rows if BY_NAME[row.kind].table is not None}
    for index, facts in enumerate(settings.models):
        if facts.provider not in told:
            yield f"models[{index}].provider: {facts.provider} is no provider here whose models stand in a data file"
        yield from (f"models[{index}].{fault}" for fault in _fact_faults(facts))


def _price_faults(settings: Settings) -> Iterator[str]:
    for index, row in enumerate(settings.prices):
        if row.provider not in provider_names(settings):
            yield f"prices[{index}].provider: {row.provider} is no provider here"


def _fact_faults(facts: ModelFacts) -> Iterator[str]:
    if facts.levels is not None and facts.levels != tuple(level for level in _LEVELS if level in facts.levels):
        yield "levels: must ascend, each level once, without `none`, which is reasoning_off"
    if facts.budget is not None and not 0 <= facts.budget[0] <= facts.budget[1]:
        yield "budget: must be the least and the most tokens, in this order, neither below 0"
    if facts.replaced_by is not None and facts.replaced_on is None:
        yield "replaced_by: needs replaced_on, the day from which it answers"
    if facts.replaced_by is not None and facts.is_for(facts.replaced_by):
        yield "replaced_by: is one of the models that it replaces"


def _bucket_faults(name: str, capacity: int, rate: float) -> Iterator[str]:
    try:
        Bucket.of(capacity, rate)
    except ValueError as error:
        yield f"{name}: {error}"


def _pooled_faults(hint: str, route: tuple[str, ...], settings: Settings) -> Iterator[str]:
    for name in (name.partition("/")[0] for name in route):
        yield from (
            f"routes.{hint}: {name} is asked as {row.name}, its pool" for row in settings.pools if name in row.pool
        )


def _route_faults(hint: str, route: tuple[str, ...], providers: frozenset[str]) -> Iterator[str]:
    for name in route:
        if name.partition("/")[0] not in providers:
            yield f"routes.{hint}: {name} is no provider here"
    if len(route) > 1 and any(name.partition("/")[0] == EMBEDDED.name for name in route):
        yield f"routes.{hint}: {EMBEDDED.name} never shares a route, because it is a demonstration"
