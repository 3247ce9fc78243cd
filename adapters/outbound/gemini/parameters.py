"""What each family of Gemini's models makes of the fields of a chat request."""

from typing import Final

from llm_gateway.domain.parameters import Column

from .families import FAMILIES
from .places import PLACES

COLUMNS: Final = tuple(
    Column(provider="gemini", models=pattern, features=family.features, places=PLACES) for pattern, family in FAMILIES
)
