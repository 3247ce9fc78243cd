"""What the vendor says to a request before any model reads it: which rule it breaks, and what of it has no effect."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from msgspec import Struct

from . import contents, counting, embeddings, functions, generation, media, schemas, shape, thinking
from .call import Call, Objection, Rule
from .models import EMBEDDERS, NOT_FOR_NEW_KEYS, Model, model_of, target_of

_PATH: Final = re.compile(r"/(?P<version>v\d\w*)/models/(?P<model>[^/:?]+):(?P<method>\w+)")


def asked_model(path: str) -> str:
    found = _PATH.search(path)
    return "" if found is None else found["model"]


_CHAT: Final[Sequence[Rule]] = (
    contents.parts,
    thinking.thinking,
    generation.penalties,
    generation.candidates,
    generation.logprobs,
    generation.stops,
    generation.cached,
    generation.json_and_tools,
    functions.names,
    schemas.fields,
    schemas.schemas,
    media.media,
    contents.answers,
    contents.pairs,
    functions.ids,
    functions.signatures,
    contents.text_after_results,
    contents.last_turn,
)
_COUNTED: Final[Sequence[Rule]] = (contents.parts, functions.names, schemas.fields, media.media)
_EMBED: Final[Sequence[Rule]] = (embeddings.embeddings,)
_UNHEARD: Final[Sequence[Callable[[Call], Iterator[str]]]] = (
    generation.without_effect,
    thinking.soft,
    schemas.dropped,
    embeddings.without_task,
)


class Verdict(Struct, frozen=True):
    """`objections` are those of the first rule that is broken; `ignored` are paths in the request."""

    objections: Sequence[Objection] = ()
    ignored: frozenset[str] = frozenset()


class Vendor(Struct, kw_only=True):
    """`models` are such as the table does not have. `waived` are rules that a test leaves unenforced, with a reason.

    `new_key`: the key has never called the models that are closed to new ones.
    """

    today: date = date(2026, 11, 28)
    models: Mapping[str, Model] = {}
    new_key: bool = False
    waived: frozenset[str] = frozenset()

    def verdict(self, path: str, content: bytes) -> Verdict:
        asked = _PATH.search(path)
        if asked is None:
            return Verdict()
        name = self.target(asked["model"])
        call = Call(name, self.models.get(name) or model_of(name) or Model(), asked["method"], {})
        objections = [one for one in self._before(call, asked) if one.rule not in self.waived]
        if objections:
            return Verdict(objections[:1])
        kind = shape.REQUESTS[call.method]
        faults: list[shape.Violation] = []
        body: Any = shape.read(kind, json.loads(content), "", faults)
        if faults and "G16" not in self.waived:
            return Verdict([Objection("G16", one.description, one.field) for one in faults])
        call = Call(call.name, call.model, call.method, body)
        for rule, judged in _judged(call):
            if objections := [one for one in rule(judged) if one.rule not in self.waived]:
                return Verdict(objections)
        return Verdict(ignored=frozenset(path for unheard in _UNHEARD for path in unheard(call)))

    def target(self, name: str) -> str:
        """The model that answers for this name, which `modelVersion` tells."""
        return target_of(name, self.today)

    def _before(self, call: Call, asked: re.Match[str]) -> Iterator[Objection]:
        name = asked["model"]
        if self.new_key and name in NOT_FOR_NEW_KEYS:
            words = f"This model models/{name} is no longer available to new users. Please update your code."
            yield Objection("G21", words, code=404, status="NOT_FOUND")
        embeds = "mbed" in call.method
        known = name in self.models or (name in EMBEDDERS if embeds else model_of(call.name) is not None)
        if not known or call.method not in shape.REQUESTS:
            words = (
                f"models/{name} is not found for API version {asked['version']}, or is not supported for {call.method}."
                " Call ListModels to see the list of available models and their supported methods."
            )
            yield Objection("G21", words, code=404, status="NOT_FOUND")


def _judged(call: Call) -> Iterator[tuple[Rule, Call]]:
    """What is to be counted has to be what could be asked."""
    if call.method == "countTokens":
        yield counting.counting, call
        asked = Call(call.name, call.model, "generateContent", call.body.get("generateContentRequest", call.body))
        yield from ((rule, asked) for rule in _COUNTED)
    else:
        yield from ((rule, call) for rule in (_EMBED if "mbed" in call.method else _CHAT))


def refused(objections: Sequence[Objection]) -> dict[str, Any]:
    """The body of the vendor's error."""
    first = objections[0]
    error: dict[str, Any] = {
        "code": first.code,
        "message": "\n".join(one.words for one in objections),
        "status": first.status,
    }
    violations = [{"field": one.field, "description": one.words} for one in objections if one.field is not None]
    if violations:
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}]
    return {"error": error}
