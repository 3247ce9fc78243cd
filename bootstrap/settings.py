"""Every setting: its name, its type, its default and its range. Frozen once read."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct, field
from msgspec.structs import FieldInfo, fields, force_setattr
from typing_extensions import override

from llm_gateway.application.model_facts import ModelFacts
from llm_gateway.domain.clients import NAME
from llm_gateway.domain.quota import MAX_CAPACITY, Reserve
from llm_gateway.domain.routing import Hint, checked_aliases, checked_routes
from llm_gateway.domain.sequences import CheckedStruct

ITSELF = "api_key"
"""The key, which a row of `[[providers]]` never states."""
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")

Capacity: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_CAPACITY)]
Rate: TypeAlias = Annotated[float, Meta(gt=0)]
Timeout: TypeAlias = Annotated[float, Meta(ge=1, le=86_400)]
ORIGIN = r"^(\*|[a-z][a-z0-9+.-]*://[^/*\s]+)$"
"""As a browser sends it: scheme, host and port (RFC 6454, section 6.2)."""
WHOLE_NAME = f"^{NAME}$"
LOCATION = "^[a-z][a-z0-9-]*$"
Origin: TypeAlias = Annotated[str, Meta(pattern=ORIGIN)]
Name: TypeAlias = Annotated[str, Meta(pattern=WHOLE_NAME)]


class Secret:
    """Text that is never shown: its `repr` and `str` are stars."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.value == self.value

    @override
    def __hash__(self) -> int:
        return hash(self.value)

    @override
    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__


class BucketSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A quota: a bucket that is refilled."""

    capacity: Annotated[Capacity, Meta(description="So much at once.")]
    refill_rate: Annotated[Rate, Meta(description="So much a second.")]


class TokenSettings(BucketSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A quota of tokens: a bucket that is refilled, and what each answer reserves of it."""

    reserve: Annotated[
        Reserve,
        Meta(
            description="Held for an answer: what it is likely to use, or by `upper_bound` the most that it can, which "
            "is the whole bucket where neither `max_tokens` nor the model bounds it."
        ),
    ] = Reserve.LIKELY


class ClientSettings(CheckedStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A client with a name, and with quotas and rights of its own."""

    name: Annotated[Name, Meta(description="In records and logs.")]
    keys: Annotated[tuple[Secret, ...], Meta(min_length=1, description="As in API_KEYS.")]
    requests: Annotated[BucketSettings | None, Meta(description="Default: the common quota.")] = None
    tokens: Annotated[TokenSettings | None, Meta(description="Default: no limit.")] = None
    concurrency: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Answers under way at once. Default: no limit.")
    ] = None
    hints: Annotated[tuple[Hint, ...] | None, Meta(description="That it may use. Default: all.")] = None
    models: Annotated[
        tuple[str, ...] | None, Meta(description="Providers, or `provider/model`, that it may use. Default: all.")
    ] = None
    namespace: Annotated[Name | None, Meta(description="Whose stored answers it shares. Default: its own.")] = None
    strict: Annotated[
        bool, Meta(description="Refused, instead of told in `X-Gateway-Ignored`, where a field would have no effect.")
    ] = False
    aliases: Annotated[dict[str, str], Meta(description="As `[aliases]`, for this client; they win.")] = field(
        default_factory=dict
    )


class EndpointSettings(CheckedStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As `[[providers]]`, with its key in this file, and for servers that need no `dialect`."""

    name: Annotated[Name, Meta(description="The provider's name, in routes and in `model`.")]
    kind: Annotated[Name, Meta(description="What it speaks: a kind of the README's table of providers.")]
    model: Annotated[str, Meta(description="Its default model.")]
    base_url: Annotated[str | None, Meta(description="Its address. Default: the kind's own.")] = None
    api_key: Annotated[Secret | None, Meta(description="What it asks for.")] = None
    first_token_timeout_seconds: Annotated[
        Timeout | None, Meta(description="Default: PROVIDER_FIRST_TOKEN_TIMEOUT_SECONDS.")
    ] = None
    idle_timeout_seconds: Annotated[Timeout | None, Meta(description="Default: PROVIDER_IDLE_TIMEOUT_SECONDS.")] = None
    tool_silence_seconds: Annotated[Timeout | None, Meta(description="Default: PROVIDER_TOOL_SILENCE_SECONDS.")] = None
    stream_seconds: Annotated[Timeout | None, Meta(description="Default: PROVIDER_STREAM_SECONDS.")] = None


class ProviderSettings(EndpointSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One more provider of any kind, whose key stands in a variable. Routes and `model` name it."""

    api_key_variable: Annotated[
        str | None, Meta(description="The variable, of the environment or `.env`, that holds what it asks for.")
    ] = None
    dialect: Annotated[
        str | None, Meta(description="How the server differs from others that speak OpenAI's API. Default: generic.")
    ] = None
    models: Annotated[
        tuple[str, ...], Meta(description="What it offers beside its default model. Default: all that its list has.")
    ] = ()
    outside: Annotated[
        bool, Meta(description="It passes requests on, so that nothing of it is on the premises, wherever it is.")
    ] = False


class PoolSettings(CheckedStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Several servers of one kind as one provider, with a queue in front of them. They answer by its name alone."""

    name: Annotated[Name, Meta(description="The pool's name, in routes and in `model`.")]
    pool: Annotated[tuple[Name, ...], Meta(min_length=1, description="Its members: providers of one kind.")]
    model: Annotated[str | None, Meta(description="Its default model. Default: the first member's.")] = None
    slots: Annotated[
        Annotated[int, Meta(ge=1, le=10_000)] | None,
        Meta(description="What each member is asked at once. Default: what its server says, or 1."),
    ] = None
    queue: Annotated[int, Meta(ge=0, le=10_000, description="Requests that wait for their turn.")] = 64


class ModelSettings(ModelFacts, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator knows of models better than the vendor's data file."""

    provider: Annotated[Name, Meta(description="Whose models they are.")]


Dollars: TypeAlias = Annotated[float, Meta(ge=0, le=1_000_000)]


class PriceSettings(CheckedStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What models cost, before what is published of them. In dollars for a million tokens."""

    provider: Annotated[Name, Meta(description="Whose models they are. A pool's are its members'.")]
    names: Annotated[
        tuple[str, ...], Meta(min_length=1, description="The models, as the vendor names them; `*` is anything.")
    ]
    input: Annotated[Dollars, Meta(description="Of prompts.")]
    output: Annotated[Dollars, Meta(description="Of answers.")]
    cached: Annotated[Dollars | None, Meta(description="Of what a vendor's cache had. Default: as `input`.")] = None
    reasoning: Annotated[Dollars | None, Meta(description="Of reasoning. Default: as `output`.")] = None


class Settings(CheckedStruct, frozen=True, kw_only=True):
    """Every setting of a gateway. Each field is a variable of the environment, by the field's name in capitals.

    Ranges and rules between fields are checked by `load_settings`, wrong sequences here, with `TypeError`.
    """

    api_keys: Annotated[tuple[Secret, ...], Meta(description="Client keys, plain or `sha256:HEX`.")] = ()
    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on.")] = 8000
    workers: Annotated[int, Meta(ge=1, le=256, description="Processes; more than one needs REDIS_URL.")] = 1
    allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(description="Host names that are served; `*` is any. Default: loopback names on a loopback address."),
    ] = ()
    cors_origins: Annotated[
        tuple[Origin, ...],
        Meta(description="Origins whose pages may ask from a browser; `*` is any."),
    ] = ()
    ollama_door: Annotated[bool, Meta(description="Whether Ollama's own API is served too, under `/api/`.")] = False
    provider_timeout_seconds: Annotated[
        Timeout, Meta(description="For a whole answer; no more than 60 where the plan has another usable endpoint.")
    ] = 600
    provider_first_token_timeout_seconds: Annotated[Timeout, Meta(description="For a stream's first event.")] = 120
    provider_fallback_first_token_seconds: Annotated[
        Timeout, Meta(description="The same where the plan has another usable endpoint.")
    ] = 30
    provider_idle_timeout_seconds: Annotated[Timeout, Meta(description="Between a stream's events.")] = 60
    provider_tool_silence_seconds: Annotated[
        Timeout, Meta(description="Between a stream's events where tools are offered.")
    ] = 300
    provider_stream_seconds: Annotated[Timeout, Meta(description="For a stream in all.")] = 3600
    provider_max_retries: Annotated[int, Meta(ge=0, le=10, description="Attempts after the first.")] = 3
    cache_ttl_seconds: Annotated[
        int, Meta(ge=0, le=2_592_000, description="How long an answer is kept; 0 turns the cache off.")
    ] = 60
    cache_sampled: Annotated[
        Literal["native", "always", "never"],
        Meta(
            description="Whether answers drawn by chance are shared: on the native endpoint, everywhere, or nowhere. "
            "Else a stated temperature above 0 without seed has an answer of its own."
        ),
    ] = "native"
    rate_limiter_capacity: Annotated[Capacity, Meta(description="Requests that a client may make at once.")] = 5
    rate_limiter_refill_rate: Annotated[Rate, Meta(description="Requests that a client regains a second.")] = 1.0
    token_reservation_output: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="The most output tokens that a reservation counts, and what it counts "
            "until an endpoint's answers are known.",
        ),
    ] = 1024
    redis_url: Annotated[
        Secret | None,
        Meta(
            description="State that several gateways share: redis://, rediss://, redis+cluster://, redis+sentinel:// "
            "or unix://. Default: each keeps its own."
        ),
    ] = None
    cache_redis_url: Annotated[Secret | None, Meta(description="The cache's own Redis. Default: REDIS_URL.")] = None
    redis_absent_limiter: Annotated[
        Literal["local", "open", "closed"],
        Meta(description="Quotas while Redis is away: a share kept here, none, or no requests."),
    ] = "local"
    redis_wait_seconds: Annotated[
        float, Meta(ge=0.1, le=60, description="How long a charge waits for Redis; so long silent, it is away.")
    ] = 1.0
    expected_replicas: Annotated[int, Meta(ge=1, le=10_000, description="Divides the local limit.")] = 1
    gemini_api_key: Annotated[Secret | None, Meta(description="Configures Gemini.")] = None
    gemini_model: Annotated[str, Meta(min_length=1, description="Gemini's default model.")] = "gemini-flash-latest"
    gemini_base_url: Annotated[str | None, Meta(description="Another address for Gemini.")] = None
    gemini_transport: Annotated[
        Literal["rest", "sdk"], Meta(description="How Gemini is asked: by plain HTTP, or by its own SDK.")
    ] = "rest"
    gemini_vertex_project: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(
            description="Configures Gemini at Vertex AI, with Google's application-default credentials in the place of "
            "a key; needs GEMINI_TRANSPORT=sdk."
        ),
    ] = None
    gemini_vertex_location: Annotated[
        Annotated[str, Meta(pattern=LOCATION)] | None,
        Meta(description="Where Vertex AI serves that project, such as global."),
    ] = None
    ollama_base_url: Annotated[
        str | None, Meta(description="Ollama's address. Default: http://localhost:11434, if it answers.")
    ] = None
    ollama_transport: Annotated[
        Literal["rest", "sdk"], Meta(description="How Ollama is asked: by plain HTTP, or by its own SDK.")
    ] = "rest"
    ollama_model: Annotated[str, Meta(min_length=1, description="Ollama's default model.")] = "llama3.1"
    ollama_num_ctx: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Context length; default: the server's.")
    ] = None
    ollama_keep_alive: Annotated[str | None, Meta(description="How long a model stays loaded.")] = None
    ollama_load_timeout_seconds: Annotated[float, Meta(ge=1, le=3600, description="For loading a cold model.")] = 300
    embedded_model_path: Annotated[
        str | None, Meta(description="A GGUF file. Default: the model package's, if installed.")
    ] = None
    max_body_bytes: Annotated[int, Meta(ge=1024, le=1 << 30, description="Largest request body.")] = 32 << 20
    max_bodies_bytes: Annotated[
        int,
        Meta(ge=1024, le=1 << 40, description="All request bodies under way in a process; at least MAX_BODY_BYTES."),
    ] = 256 << 20
    max_messages: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Messages, parts, tool calls and tools of one request.")
    ] = 20_000
    max_answer_bytes: Annotated[
        int, Meta(ge=1024, le=1 << 30, description="Largest answer; of embeddings, as many numbers.")
    ] = 8 << 20
    max_answers: Annotated[
        int,
        Meta(
            ge=2,
            le=1_000_000,
            description="Answers that a process makes at once, embeddings too; one client has half of them at most.",
        ),
    ] = 4096
    max_answers_bytes: Annotated[
        int,
        Meta(ge=1024, le=1 << 40, description="What waits of all answers in a process for clients that read slowly."),
    ] = 256 << 20
    keep_alive_seconds: Annotated[
        float,
        Meta(ge=1, le=86_400, description="For idle connections; more than a proxy in front keeps them (nginx: 60)."),
    ] = 75
    hung_worker_seconds: Annotated[
        float,
        Meta(
            ge=1, le=3600, description="A worker that gave no sign for so long is ended and replaced, with WORKERS>1."
        ),
    ] = 30
    drain_seconds: Annotated[float, Meta(ge=0, le=3600, description="For running answers at the end.")] = 30
    metrics_token: Annotated[Secret | None, Meta(description="A bearer token that guards /metrics.")] = None
    otel_exporter_otlp_endpoint: Annotated[
        str | None, Meta(description="A collector's base address for traces over OTLP/HTTP. Default: no traces.")
    ] = None
    otel_exporter_otlp_headers: Annotated[
        Secret | None, Meta(description="Headers for the collector, `name=value`, separated by commas.")
    ] = None
    otel_semconv_stability_opt_in: Annotated[
        tuple[str, ...],
        Meta(
            description="`gen_ai_latest_experimental`: names of the GenAI conventions' v0.1.0. Default: those before."
        ),
    ] = ()
    log_format: Annotated[Literal["json", "pretty"] | None, Meta(description="Default: by terminal.")] = None

    clients: tuple[ClientSettings, ...] = ()
    endpoints: tuple[EndpointSettings, ...] = ()
    pools: tuple[PoolSettings, ...] = ()
    providers: tuple[ProviderSettings, ...] = ()
    models: tuple[ModelSettings, ...] = ()
    prices: tuple[PriceSettings, ...] = ()
    routes: dict[Hint, tuple[str, ...]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    demo: bool = False

    @override
    def __post_init__(self) -> None:
        super().__post_init__()
        force_setattr(self, "routes", checked_routes(self.routes))
        force_setattr(self, "aliases", checked_aliases(self.aliases))

    @property
    def rows(self) -> tuple[EndpointSettings, ...]:
        """The servers that the TOML names."""
        return (*self.endpoints, *self.providers)

    @property
    def pooled(self) -> frozenset[str]:
        """The providers that are members of a pool."""
        return frozenset(name for pool in self.pools for name in pool.pool)

    @property
    def hosts(self) -> frozenset[str] | None:
        """The Host names that are served, in lower case; None is any."""
        if self.allowed_hosts:
            return None if "*" in self.allowed_hosts else frozenset(host.lower() for host in self.allowed_hosts)
        return frozenset(LOOPBACK_HOSTS) if is_loopback(self.host) else None


def stated_keys(kind: type[Struct]) -> dict[str, FieldInfo]:
    """What a table of the TOML may state."""
    hidden = ITSELF if issubclass(kind, ProviderSettings) else None
    return {field.name: field for field in fields(kind) if field.name != hidden}


def is_loopback(host: str) -> bool:
    """Whether a listener on this address is reached from this machine only."""
    if host.lower() == "localhost":
        return True
    import ipaddress  # here, because importing the package must stay cheap

    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
