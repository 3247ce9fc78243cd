"""What servers of each dialect make of the fields of a chat request."""

from typing import Final

from llm_gateway.domain.parameters import Column

from .dialects import FILE, SpokenModels

_EXAMPLE: Final = "a-model"
"""Of which nothing is known but its dialect."""

COLUMNS: Final = tuple(
    Column(
        provider="openai",
        models=name,
        features=model.features,
        left_out=model.left_out,
        places=model.places,
    )
    for name in FILE.dialects
    for model in (SpokenModels(name).of(_EXAMPLE, 0.0),)
)
