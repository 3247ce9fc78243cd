"""Names, ids and signatures of functions and their calls."""

import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from .call import Call, Objection
from .contents import of, role

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}")
_MANY: Final = 512
STANDS_FOR_NONE: Final = "skip_thought_signature_validator"
"""The vendor's own words for a call whose signature there is none of, as they are and in base64."""


def names(call: Call) -> Iterator[Objection]:
    declared = Counter(one.get("name", "") for _, one in call.declarations)
    for path, one in call.declarations:
        if not _NAME.fullmatch(one.get("name", "")):
            words = (
                f"* GenerateContentRequest.{path}.name: Invalid function name. Must start with a letter or an"
                " underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes"
                " (-), with a maximum length of 64."
            )
            yield Objection("G11", words, f"{path}.name")
    for name, times in declared.items():
        if times > 1:
            yield Objection("G11", f"Duplicate function declaration found: {name}")
    if declared.total() > _MANY:
        yield Objection("G11", f"At most {_MANY} function declarations are allowed.")
    allowed = call.calling.get("allowedFunctionNames", ())
    if allowed and call.mode not in ("ANY", "VALIDATED"):
        yield Objection("G11", "allowed_function_names should only be set when the function calling mode is ANY.")
    for name in allowed:
        if name not in declared:
            yield Objection("G11", f"allowed_function_names contains a function that is not declared: {name}")
    if call.mode not in ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"):
        yield Objection("G11", f"Invalid value: {call.mode}", "tool_config.function_calling_config.mode")


def ids(call: Call) -> Iterator[Objection]:
    for number, content in enumerate(call.contents):
        for place, part in enumerate(content["parts"]):
            for kind, path in (("functionCall", "function_call"), ("functionResponse", "function_response")):
                if not call.model.ids and "id" in part.get(kind, {}):
                    at = f"contents[{number}].parts[{place}].{path}"
                    yield Objection("G10", f"Invalid JSON payload received. Unknown name \"id\" at '{at}'", at)
    for before, after in pairwise(call.contents):
        for one, two in zip(of(before, "functionCall"), of(after, "functionResponse"), strict=False):
            known = one.get("id"), two.get("id")
            if known[0] != known[1] and (call.model.needs_ids or None not in known):
                yield Objection("G10", "functionResponse.id does not match functionCall.id")


def signatures(call: Call) -> Iterator[Objection]:
    """From Gemini 3 on the first call of each step since the user's last question has one."""
    for number, content in enumerate(call.contents):
        for part in content["parts"]:
            if not _is_base64(part.get("thoughtSignature", "")):
                yield Objection("G9", "Corrupted thought signature.", f"contents[{number}]")
    if not call.model.signatures:
        return
    asked = [
        number
        for number, content in enumerate(call.contents)
        if role(content) == "user" and any("functionResponse" not in part for part in content["parts"])
    ]
    for number in range(max(asked, default=0), len(call.contents)):
        first = next((part for part in call.contents[number]["parts"] if "functionCall" in part), None)
        if first is not None and not first.get("thoughtSignature"):
            yield Objection(
                "G9",
                "Function call is missing a thought_signature in functionCall parts. This is required for tools to work"
                f" correctly. function call `default_api:{first['functionCall'].get('name')}` , position {number + 1}.",
            )


def _is_base64(text: str) -> bool:
    if text == STANDS_FOR_NONE:
        return True
    try:
        b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        return False
    return True
