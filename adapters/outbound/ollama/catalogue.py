"""What can be routed to, made of what the server tells of its models. Pure."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Feature, Locality, Task

from .names import hosted_elsewhere, same_model, short, speaks_harmony, spellings
from .parameters import BY_CAPABILITY, FEATURES, LEFT_OUT
from .wire import Shown

_TASKS = {"completion": Task.CHAT, "embedding": Task.EMBED}


class Pulled(Struct, frozen=True, kw_only=True):
    """A model that the server has. Not `described` where the server could not say more of it than its name.

    `context_length` is what it was trained for, and `num_ctx` what it is made to be loaded for, where it says so.
    """

    name: str
    digest: str
    described: bool = True
    capabilities: frozenset[str] = frozenset()
    context_length: int | None = None
    num_ctx: int | None = None
    elsewhere: bool = False


class OllamaServer(Struct, frozen=True, kw_only=True):
    """What holds for all models of a server. `fingerprint` is what of its configuration changes an answer."""

    provider: str
    model: str
    fingerprint: str
    num_ctx: int | None
    configured: bool
    locality: Locality
    unusable: str | None = None
    version: str | None = None


def pulled(name: str, digest: str, shown: Shown | None) -> Pulled:
    """A model of which the server tells nothing may be hosted anywhere."""
    if shown is None:
        return Pulled(name=name, digest=digest, described=False, elsewhere=True)
    return Pulled(
        name=name,
        digest=digest,
        capabilities=frozenset(shown.capabilities or ("completion",)),
        context_length=_context_length(shown),
        num_ctx=_num_ctx(shown),
        elsewhere=bool(shown.remote_host) or hosted_elsewhere(name),
    )


def states(server: OllamaServer, models: Sequence[Pulled], contexts: Mapping[str, int]) -> tuple[EndpointState, ...]:
    """The server's own model first, then the others of use, by name. `contexts` are those of the loaded ones."""
    own = next((model for model in models if same_model(model.name, server.model)), None)
    others = sorted((model for model in models if model is not own and _tasks(model)), key=lambda model: model.name)
    return (
        _state(server, server.model, own, contexts, pin_only=False),
        *(_state(server, short(model.name), model, contexts, pin_only=True) for model in others),
    )


def _state(
    server: OllamaServer, name: str, model: Pulled | None, contexts: Mapping[str, int], *, pin_only: bool
) -> EndpointState:
    tasks = _tasks(model)
    outside = hosted_elsewhere(name) or (model is not None and model.elsewhere)
    unusable = server.unusable
    if unusable is None and model is None:
        unusable = f"not pulled: run `ollama pull {name}`"
    elif unusable is None and not tasks:
        unusable = "this model neither chats nor embeds"
    capabilities = model.capabilities if model is not None else frozenset()
    features = FEATURES.union(*(features for word, features in BY_CAPABILITY.items() if word in capabilities))
    always_reasons = speaks_harmony(None, name, tuple(capabilities))
    return EndpointState(
        endpoint=Endpoint(
            id=EndpointId(provider=server.provider, model=name),
            locality=Locality.CLOUD if outside else server.locality,
            fingerprint=f"{server.fingerprint} {model.digest if model is not None else ''}".rstrip(),
        ),
        features=features - {Feature.REASONING_OFF} if always_reasons else features,
        left_out=LEFT_OUT | {"reasoning_effort: none"} if always_reasons else LEFT_OUT,
        aliases=spellings(name),
        tasks=tasks,
        configured=server.configured,
        unusable=unusable,
        pin_only=pin_only,
        context_length=_context(server, name, model, contexts),
        server_version=server.version,
    )


def _tasks(model: Pulled | None) -> frozenset[Task]:
    """Any, where it is unknown what the model can."""
    if model is None or not model.described:
        return frozenset(Task)
    return frozenset(task for word, task in _TASKS.items() if word in model.capabilities)


def _context(server: OllamaServer, name: str, model: Pulled | None, contexts: Mapping[str, int]) -> int | None:
    """What a call of ours is answered in, by the vendor's order: the call's own `num_ctx`, the model's, the server's
    default, which only a loaded model tells; never more than the model was trained for. None where nothing tells it:
    what a model was trained for is no promise.
    """
    trained = model.context_length if model is not None else None
    stated = server.num_ctx or (model.num_ctx if model is not None else None)
    if stated is not None:
        return min(stated, trained) if trained else stated
    return next((length for loaded, length in contexts.items() if same_model(loaded, name)), None) or None


def _num_ctx(shown: Shown) -> int | None:
    """Of the model's parameters: a line each, of a name and a value."""
    for line in (shown.parameters or "").splitlines():
        match line.split():
            case ["num_ctx", value] if value.isascii() and value.isdigit() and len(value) < 10:
                return int(value) or None
    return None


def _context_length(shown: Shown) -> int | None:
    for key, value in (shown.model_info or {}).items():
        if key.endswith(".context_length") and isinstance(value, int):
            return value
    return None
