"""What may be asked to be counted."""

from collections.abc import Iterator

from .call import Call, Objection


def counting(call: Call) -> Iterator[Objection]:
    """The request within names its model again."""
    asked = call.body.get("generateContentRequest")
    if asked is not None and asked.get("model") != f"models/{call.name}":
        yield Objection("G30", "* GenerateContentRequest.model: unexpected model name format", "model")
