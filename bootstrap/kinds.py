"""The kinds of provider, each registered here and nowhere else, and the providers of them that the settings name."""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from msgspec import Struct

from llm_gateway.application.model_facts import FRESH_FOR, ModelFacts, ModelTable
from llm_gateway.application.ports.observation import QueueMeter
from llm_gateway.application.ports.providers import Provider, ProviderOrder
from llm_gateway.application.ports.system import Clock
from llm_gateway.domain.parameters import Column
from llm_gateway.domain.routing import Locality

from .providers import absent, embedded, gemini, ollama, order_of
from .settings import EndpointSettings, Settings


class ProviderKind(Struct, frozen=True, kw_only=True):
    """`name` is also that of the provider that the variables name. `extra` brings the `modules`.

    `title` is what a page calls it, where that is not its name.
    """

    name: str
    extra: str
    modules: tuple[str, ...]
    title: str = ""

    def columns(self) -> Sequence[Column]:
        """What its models make of a request, by the adapter of its name."""
        columns: Sequence[Column] = import_module(f"llm_gateway.adapters.outbound.{self.name}.parameters").COLUMNS
        return columns

    @property
    def missing(self) -> str | None:
        """What to say where its extra is not installed."""
        return _missing(self.extra, self.modules)


def no_dialect(order: ProviderOrder) -> Iterator[str]:
    """Of a kind whose servers all speak alike, and say themselves what they offer."""
    for key, stated in (("dialect", order.dialect), ("models", order.models), ("outside", order.outside)):
        if stated:
            yield f"{key}: has no meaning for this kind"


class ServerKind(ProviderKind, frozen=True, kw_only=True):
    """One that has servers: `own` is the one that the variables name, if they do, and the TOML names more.

    `faults` are those of a row that only the kind knows, each a line that begins with the key.
    `needs_key`: without a key there is nothing to ask. `example` is an address, for messages about a missing one.
    `table` gives what is known of its models, before which the operator's rows count; None where its servers say it.
    `sdk` are the modules of the vendor's SDK, which are needed where `by_sdk` says so. `keyless`: its own server takes
    other credentials than a key. `vendor` names whose published prices hold wherever it is; else the address tells.
    """

    vendor: str | None = None
    own: Callable[[Settings], EndpointSettings] | None = None
    build: Callable[[EndpointSettings, Settings, Clock], Provider]
    example: str
    locality: Locality = Locality.ON_PREMISES
    needs_key: bool = False
    faults: Callable[[ProviderOrder], Iterator[str]] = no_dialect
    table: Callable[[Sequence[ModelFacts]], ModelTable] | None = None
    sdk: tuple[str, ...] = ()
    by_sdk: Callable[[Settings], bool] = lambda _: False
    keyless: Callable[[Settings], bool] = lambda _: False

    def missing_sdk(self, settings: Settings) -> str | None:
        """What to say where its servers are to be asked by an SDK that is not installed."""
        return _missing(self.name, self.sdk) if self.by_sdk(settings) else None

    def provider(self, row: EndpointSettings, settings: Settings, clock: Clock) -> Provider:
        if self._lacks_key(row, settings):
            key = f"{self.name.upper()}_API_KEY" if row.name == self.name else "its api_key"
            return absent(row.name, row.model, f"{key} is not set", self.locality)
        missing = self.missing or self.missing_sdk(settings)
        if missing is not None:
            return absent(row.name, row.model, missing, self.locality)
        return self.build(row, settings, clock)

    def rows(self, settings: Settings) -> Sequence[EndpointSettings]:
        """Its servers that can be asked, as far as the settings say."""
        own = [self.own(settings)] if self.own is not None else []
        rows = (*own, *(row for row in settings.rows if row.kind == self.name))
        return [row for row in rows if not self._lacks_key(row, settings)]

    def _lacks_key(self, row: EndpointSettings, settings: Settings) -> bool:
        return self.needs_key and row.api_key is None and not (row.name == self.name and self.keyless(settings))


def _missing(extra: str, modules: Sequence[str]) -> str | None:
    installed = all(find_spec(module) is not None for module in modules)
    return None if installed else f"not installed: the extra `{extra}` is missing"


def _gemini_table(own: Sequence[ModelFacts]) -> ModelTable:
    from llm_gateway.adapters.outbound.gemini.models import GeminiModels

    return GeminiModels(own).table


def in_folder(name: str, example: str, title: str) -> ServerKind:
    """A kind that its adapter's folder has all of, in `provider.py` and `parameters.py`."""

    def of(part: str) -> Any:
        return getattr(import_module(f"llm_gateway.adapters.outbound.{name}.provider"), part)

    return ServerKind(
        name=name,
        title=title,
        extra="rest",
        modules=("aiohttp", "certifi"),
        example=example,
        build=lambda row, settings, clock: of("opened")(order_of(row, settings), clock),
        faults=lambda order: of("order_faults")(order),
        table=lambda own: of("model_table")(own),
    )


GEMINI: Final = ServerKind(
    name="gemini",
    extra="rest",
    modules=("aiohttp", "certifi"),
    sdk=("google", "google.genai"),  # whose parent must be there to look for it
    by_sdk=lambda settings: settings.gemini_transport == "sdk",
    keyless=lambda settings: settings.gemini_vertex_project is not None,
    own=lambda settings: EndpointSettings(
        name="gemini",
        kind="gemini",
        model=settings.gemini_model,
        base_url=settings.gemini_base_url,
        api_key=settings.gemini_api_key,
    ),
    build=gemini,
    example="https://gemini.example",
    locality=Locality.CLOUD,
    needs_key=True,
    vendor="google",
    table=_gemini_table,
)
OLLAMA: Final = ServerKind(
    name="ollama",
    extra="rest",
    modules=("aiohttp", "certifi"),
    sdk=("ollama", "httpx_aiohttp"),
    by_sdk=lambda settings: settings.ollama_transport == "sdk",
    own=lambda settings: EndpointSettings(
        name="ollama", kind="ollama", model=settings.ollama_model, base_url=settings.ollama_base_url
    ),
    build=ollama,
    example="http://localhost:11434",
)
EMBEDDED: Final = ProviderKind(name="embedded", extra="embedded", modules=("xllamacpp",))
"""A model in this process, which no row can name a second time."""

SERVERS: Final = (
    GEMINI,
    OLLAMA,
    in_folder("openai", "http://localhost:8000/v1", "Servers of OpenAI's API"),
)
KINDS: Final[Sequence[ProviderKind]] = (*SERVERS, EMBEDDED)
BY_NAME: Final = {kind.name: kind for kind in SERVERS}
OWN_NAMES: Final = frozenset((EMBEDDED.name, *(kind.name for kind in SERVERS if kind.own is not None)))
"""Of the providers that are there without the TOML."""


def provider_names(settings: Settings) -> frozenset[str]:
    """Of all providers, the pools among them and their members."""
    return OWN_NAMES.union((row.name for row in settings.rows), (pool.name for pool in settings.pools))


def build_providers(settings: Settings, clock: Clock, meter: QueueMeter) -> Sequence[Provider]:
    """In the order in which the model list shows them. To be called inside the event loop that will use them."""
    rows = [*(kind.own(settings) for kind in SERVERS if kind.own is not None), *settings.rows]
    servers = [BY_NAME[row.kind].provider(row, settings, clock) for row in rows]
    if not (settings.demo or settings.embedded_model_path):
        return servers
    if EMBEDDED.missing is not None:
        return [*servers, absent(EMBEDDED.name, EMBEDDED.name, EMBEDDED.missing, demonstration=settings.demo)]
    return [*servers, embedded(settings, clock, meter)]


def model_warnings(settings: Settings, now: float) -> Iterator[str]:
    """What the operator should know of the configured models by the data of their vendors. `now` in Unix seconds."""
    for kind in SERVERS:
        rows = kind.rows(settings)
        if kind.table is None or kind.missing is not None or not rows:
            continue
        table = kind.table(())
        if table.is_old(now):
            days = FRESH_FOR.days
            yield f"what is known of {kind.name}'s models was checked on {table.checked}, more than {days} days ago"
        for row in rows:
            own = [facts for facts in settings.models if facts.provider == row.name]
            if (end := kind.table(own).end_of(row.model)) is not None:
                yield f"{row.name}: {end}"
