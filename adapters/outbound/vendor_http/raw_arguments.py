"""How arguments of a tool call that are no JSON object go to a vendor that takes objects only."""

from typing import Final

RAW_ARGUMENTS: Final = "raw_arguments"
"""The key of an object that holds their text: the model shall see what it, or another, had written."""
