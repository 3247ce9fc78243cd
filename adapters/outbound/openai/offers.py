"""What a server's list says of a model, as facts. Pure."""

from typing import Any, Final

from llm_gateway.application.model_facts import ModelFacts
from llm_gateway.domain.routing import Task

from .wire import OfferedModel

IMAGES: Final = ("image/png", "image/jpeg", "image/webp", "image/gif")


def facts_in(offered: OfferedModel) -> ModelFacts:
    """Of what is not said, nothing."""
    inputs = offered.architecture.input_modalities if offered.architecture is not None else None
    sees, calls, tasks = _capabilities(offered.capabilities)
    if inputs is not None:
        sees = "image" in inputs
    if offered.supported_parameters is not None:
        calls = "tools" in offered.supported_parameters
    lengths = (
        offered.max_model_len,
        offered.context_length,
        offered.max_context_length,
        offered.context_window,
        offered.meta.n_ctx if offered.meta is not None else None,
    )
    return ModelFacts(
        names=(offered.id,),
        tasks=tasks,
        tools=calls,
        media_types=None if sees is None else IMAGES if sees else (),
        context_length=next((length for length in lengths if length is not None and length > 0), None),
    )


def _capabilities(told: Any) -> tuple[bool | None, bool | None, tuple[Task, ...] | None]:
    """Whether it sees and calls tools, and its tasks: Mistral has flags by name, others a list of names."""
    match told:
        case {"completion_chat": bool(chats)}:
            return bool(told.get("vision")), bool(told.get("function_calling")), (Task.CHAT,) if chats else None
        case list():
            return ("vision" in told or "multimodal" in told or None), None, None
    return None, None, None
