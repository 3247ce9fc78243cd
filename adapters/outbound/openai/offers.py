"""What a server's list says of a model, as facts. Pure."""

from typing import Any, Final

from msgspec import json

from llm_gateway.application.model_facts import ModelFacts
from llm_gateway.domain.routing import Task, is_name

from .wire import OfferedModel, offered_in

IMAGES: Final = ("image/png", "image/jpeg", "image/webp", "image/gif")


def known_of(told: bytes, most: int) -> dict[str, ModelFacts]:
    """By the names of the first models that a list has, of those that have one."""
    return {one.id: facts_in(one) for one in offered_in(told)[:most] if isinstance(one.id, str) and is_name(one.id)}


def slots_in(told: bytes) -> int | None:
    """How many requests a server answers at once, as llama.cpp's says it."""
    match json.decode(told):
        case {"total_slots": int(slots)} if slots > 0:
            return slots
    return None


def facts_in(offered: OfferedModel) -> ModelFacts:
    """Of what is not said, or not as servers say it, nothing."""
    sees, calls, tasks = _capabilities(offered.capabilities)
    match offered.architecture:
        case {"input_modalities": list(inputs)}:
            sees = "image" in inputs
    if isinstance(offered.supported_parameters, list):
        calls = "tools" in offered.supported_parameters
    lengths = (
        offered.max_model_len,
        offered.context_length,
        offered.max_context_length,
        offered.context_window,
        offered.meta.get("n_ctx") if isinstance(offered.meta, dict) else None,
    )
    return ModelFacts(
        names=(offered.id,),
        tasks=tasks,
        tools=calls,
        media_types=None if sees is None else IMAGES if sees else (),
        context_length=next((length for length in lengths if type(length) is int and length > 0), None),
    )


def _capabilities(told: Any) -> tuple[bool | None, bool | None, tuple[Task, ...] | None]:
    """Whether it sees and calls tools, and its tasks: Mistral has flags by name, others a list of names."""
    match told:
        case {"completion_chat": bool(chats)}:
            return bool(told.get("vision")), bool(told.get("function_calling")), (Task.CHAT,) if chats else None
        case list():
            return ("vision" in told or "multimodal" in told or None), None, None
    return None, None, None
