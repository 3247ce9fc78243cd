"""What aliases must be to the real names, and what of them can only be seen once a provider has listed its models."""

from collections.abc import Iterator, Mapping

from llm_gateway.domain.routing import Aliases, Hint, is_name

from .kinds import SERVERS, provider_names
from .settings import Settings

_HINTS = frozenset(Hint)


def alias_faults(settings: Settings) -> Iterator[str]:
    """A line for each alias that would hide a real name, or that stands for another alias."""
    real = _real_names(settings)
    for table, aliases in _tables(settings).items():
        everywhere = settings.aliases.keys() | aliases.keys()
        for name, target in aliases.items():
            if not is_name(name) or not is_name(target):
                yield f"{table}: a name is short, printable and not empty, on both sides"
            elif name in real or (name.partition("/")[0] in _providers(settings) and "/" in name):
                yield f"{table}.{name}: is a real name here, which stays what it is"
            elif target in everywhere - real:
                yield f"{table}.{name}: {target} is an alias itself, and must be a real name"


def alias_warnings(settings: Settings) -> Iterator[str]:
    """A line for each target that only a provider's own list can have."""
    real, providers = _real_names(settings), _providers(settings)
    for table, aliases in _tables(settings).items():
        for name, target in aliases.items():
            if target not in real and target.partition("/")[0] not in providers:
                yield f"{table}.{name}: {target} is no configured name, and 404 until a provider lists it"


def _tables(settings: Settings) -> Mapping[str, Aliases]:
    """By how they are named in the TOML."""
    own = {f"clients[{index}].aliases": row.aliases for index, row in enumerate(settings.clients)}
    return {"aliases": settings.aliases, **own}


def _providers(settings: Settings) -> frozenset[str]:
    return provider_names(settings) - settings.pooled


def _real_names(settings: Settings) -> frozenset[str]:
    return _HINTS | _providers(settings) | {row.model for kind in SERVERS for row in kind.rows(settings)}
