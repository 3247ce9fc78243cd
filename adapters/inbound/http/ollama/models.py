"""What a key may name as `model`, as Ollama lists and shows it."""

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from llm_gateway.application.list_models import UsableModel
from llm_gateway.domain.routing import Feature, Plan, Task

from ..common.wire import JsonObject
from .renderer import stamp

VERSION: Final = "0.33.0"
"""Of Ollama, whose clients ask for it before they use what is newer."""
FAR_OFF: Final = "2318-01-01T00:00:00Z"
_SEEN: Final = (
    ("tools", Feature.TOOLS),
    ("vision", Feature.IMAGES),
    ("thinking", Feature.REASONING_EFFORT),
)


def listed(model: UsableModel, since: int) -> JsonObject:
    """A model of `/api/tags`. Nothing is known of its file."""
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": stamp(since),
        "size": 0,
        "digest": sha256(model.name.encode()).hexdigest(),
        "details": _details(model),
    }


def running(model: UsableModel, since: int) -> JsonObject:
    """The same as one of `/api/ps`."""
    return listed(model, since) | {
        "expires_at": FAR_OFF,
        "size_vram": 0,
        "context_length": model.context_length or 0,
    }


def shown(model: UsableModel, plan: Callable[[], Plan], since: int) -> JsonObject:
    """What `/api/show` tells. `plan` is the one of a chat with it."""
    family = model.owner or "gateway"
    chats = Task.CHAT in model.tasks
    features = plan().endpoints[0].features if chats else frozenset()
    able = ["completion", *(name for name, feature in _SEEN if feature in features)] if chats else []
    embeds = ["embedding"] if Task.EMBED in model.tasks else []
    return {
        "modelfile": "",
        "parameters": "",
        "template": "",
        "details": _details(model),
        "model_info": {
            "general.architecture": family,
            **({f"{family}.context_length": model.context_length} if model.context_length else {}),
        },
        "capabilities": [*able, *embeds],
        "modified_at": stamp(since),
    }


def _details(model: UsableModel) -> JsonObject:
    family = model.owner or "gateway"
    return {
        "parent_model": model.alias_of or "",
        "format": "",
        "family": family,
        "families": [family],
        "parameter_size": "",
        "quantization_level": "",
    }
