"""The settings' reference, made from their types: as a commented `.env`, and as a page."""

from collections.abc import Iterator, Mapping

from msgspec import NODEFAULT, Struct, inspect
from msgspec.structs import FieldInfo, fields

from .settings import (
    BucketSettings,
    ClientSettings,
    EndpointSettings,
    ModelSettings,
    PriceSettings,
    ProviderSettings,
    Settings,
    TokenSettings,
    stated_keys,
)
from .settings_words import expected

ONLY_IN_TOML = frozenset(("clients", "endpoints", "providers", "models", "prices", "routes", "aliases", "demo"))
_TABLES: Mapping[str, type[Struct]] = {
    "[[clients]]": ClientSettings,
    "[[endpoints]]": EndpointSettings,
    "[[providers]]": ProviderSettings,
    "[[models]]": ModelSettings,
    "[[prices]]": PriceSettings,
    "requests": BucketSettings,
    "tokens": TokenSettings,
}

_PAGE = """\
# Configuration

Made from the settings' types by `just generate`.

Each variable is read from the environment, then from `.env`, then, in small letters, from `llm-gateway.toml` or the
file that `--config` names. The first one found is taken. An empty variable is not set. A value out of range, or a key
in the TOML that is none, stops the start, and every fault is told at once. `llm-gateway check` shows what is in force,
without secrets.

## Variables

{variables}

## Tables

What variables can't say stands in `llm-gateway.toml`:

```toml
[[clients]]
name = "search"
keys = ["sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]  # from `llm-gateway keys new`
requests = {{ capacity = 60, refill_rate = 1.0 }}
tokens = {{ capacity = 100000, refill_rate = 500 }}
hints = ["local", "secure"]

[[endpoints]]
name = "large"
kind = "ollama"
model = "llama3.1:70b"
base_url = "http://10.0.0.5:11434"

[[providers]]
name = "vllm"
kind = "openai"
dialect = "vllm"
model = "Qwen/Qwen3-8B"
base_url = "http://10.0.0.6:8000/v1"

[[models]]
provider = "gemini"
names = ["gemini-5-*"]
levels = ["low", "medium", "high", "xhigh"]

[routes]
fast = ["large", "gemini"]

[aliases]
gpt-4o-mini = "local"
"claude-sonnet-4.5" = "large/llama3.1:70b"
```

{tables}

### `[routes]`

For a hint (`online`, `fast`, `local`, `secure`) the providers, or `provider/model`, in the order in which they are
asked. `secure` never leaves the premises, whatever its route says.

### `[aliases]`

For a name that programs ask for the one that is meant: a hint, a provider, a model or `provider/model`, for chats and
for embeddings (which take no hint). A client may use an alias where it may use its target. A client's own `aliases` win
over these, and each wins over a model of the same name that a provider lists. A hint's, a provider's and a configured
model's name is none to give away, and no alias stands for another.
"""


def env_example() -> str:
    """Every variable with its meaning, its range and its default, as a commented `.env`."""
    lines = [
        "# Every variable of the gateway, with its default. Copy this file to .env and change what you need.",
        "# The environment wins over .env, and .env over llm-gateway.toml, where they are in small letters.",
    ]
    for field in _variables():
        lines += ["", f"# {_told(field)}", f"#{field.name.upper()}={_default(field)}"]
    return "\n".join(lines) + "\n"


def configuration_page() -> str:
    """The variables and the TOML's tables, as `docs/configuration.md`."""
    rows = (f"| `{field.name.upper()}` | {_code(_default(field))} | {_told(field)} |" for field in _variables())
    variables = "\n".join(("| variable | default | |", "|---|---|---|", *rows))
    return _PAGE.format(variables=variables, tables="\n\n".join(map(_table, _TABLES)))


def _table(name: str) -> str:
    kind = _TABLES[name]
    rows = (
        f"| `{field.name}` | {'required' if field.required else _code(_default(field))} | {_told(field)} |"
        for field in stated_keys(kind).values()
    )
    return "\n".join((f"### `{name}`", "", f"{kind.__doc__}", "", "| key | default | |", "|---|---|---|", *rows))


def _variables() -> Iterator[FieldInfo]:
    return (field for field in fields(Settings) if field.name not in ONLY_IN_TOML)


def _told(field: FieldInfo) -> str:
    return f"{_meaning(field.type)} {expected(field).capitalize()}.".strip()


def _default(field: FieldInfo) -> str:
    return "" if field.default in (None, (), NODEFAULT) else str(field.default)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _meaning(kind: object) -> str:
    """The outermost description of an annotated type."""
    described = inspect.type_info(kind)
    extra = described.extra_json_schema if isinstance(described, inspect.Metadata) else None
    return str((extra or {}).get("description", ""))
