"""What may stand in the turns of a chat, and in which order."""

from collections.abc import Iterator, Sequence
from typing import Any

from .call import Call, Objection

_DATA = (
    *("text", "inlineData", "fileData", "functionCall", "functionResponse"),
    *("executableCode", "codeExecutionResult", "toolCall", "toolResponse"),
)


def parts(call: Call) -> Iterator[Objection]:
    if not call.contents:
        yield Objection("G13", "* GenerateContentRequest.contents: contents is not specified", "contents")
    for number, content in enumerate(call.contents):
        if content.get("role", "user") not in ("user", "model"):
            yield Objection("G13", "Please use a valid role: user, model.", f"contents[{number}].role")
        yield from _filled(content, f"contents[{number}]")
    if (system := call.body.get("systemInstruction")) is not None:
        yield from _filled(system, "system_instruction")
        if any("text" not in part for part in system.get("parts", ())):
            yield Objection("G13", "System instruction takes text only.", "system_instruction.parts")


def _filled(content: dict[str, Any], at: str) -> Iterator[Objection]:
    if not content.get("parts"):
        yield Objection("G13", f"* GenerateContentRequest.{at}.parts: contents.parts must not be empty", f"{at}.parts")
    for number, part in enumerate(content.get("parts", ())):
        data = [name for name in _DATA if name in part]
        empty = part.get("text") == "" and "thoughtSignature" not in part
        if len(data) != 1 or empty:
            field = f"{at}.parts[{number}].data"
            words = f"* GenerateContentRequest.{field}: required oneof field 'data' must have one initialized field"
            yield Objection("G13", words, field)


def last_turn(call: Call) -> Iterator[Objection]:
    if not call.contents or role(call.contents[-1]) == "user":
        return
    if not call.model.prefill:
        yield Objection("G7", "Requests ending with a model turn are not supported for this model.")
    if len(call.contents) == 1:
        yield Objection(
            "G7", "Please ensure that single turn requests end with a user role or the role field is empty."
        )


def text_after_results(call: Call) -> Iterator[Objection]:
    """Some models from 3 on take it for the prefill of a model turn; texts before the results are fine."""
    for content in call.contents:
        kinds = ["functionResponse" in part for part in content["parts"]]
        if call.model.signatures and True in kinds and not all(kinds[kinds.index(True) :]):
            yield Objection("G7", "Requests ending with a model turn are not supported for this model.")


def pairs(call: Call) -> Iterator[Objection]:
    """Each turn with calls follows one of the user's, and the next answers all of them, in their order."""
    for number, content in enumerate(call.contents):
        called, answered = of(content, "functionCall"), of(content, "functionResponse")
        before = call.contents[number - 1] if number else None
        if called and (role(content) != "model" or before is None or role(before) != "user"):
            yield Objection(
                "G12",
                "Please ensure that function call turn comes immediately after a user turn or after a function response"
                " turn.",
            )
        if answered and (role(content) != "user" or before is None or not of(before, "functionCall")):
            yield Objection(
                "G12", "Please ensure that function response turn comes immediately after a function call turn."
            )
        results = of(call.contents[number + 1], "functionResponse") if number + 1 < len(call.contents) else []
        if called and len(results) != len(called):
            yield Objection(
                "G12",
                "Please ensure that the number of function response parts is equal to the number of function call parts"
                " of the function call turn.",
            )
        elif [one.get("name") for one in called] != [one.get("name") for one in results][: len(called)]:
            yield Objection("G12", "Please ensure that function responses have the names of their function calls.")


def answers(call: Call) -> Iterator[Objection]:
    for number, content in enumerate(call.contents):
        for one in of(content, "functionResponse"):
            if not isinstance(one.get("response"), dict):
                yield Objection("G14", f"* GenerateContentRequest.contents[{number}]: function_response.response")
            if one.get("parts") and not call.model.result_parts:
                yield Objection("G14", "Multimodal function responses are not supported for this model.")


def role(content: dict[str, Any]) -> str:
    return str(content.get("role", "user"))


def of(content: dict[str, Any], kind: str) -> Sequence[dict[str, Any]]:
    return [part[kind] for part in content.get("parts", ()) if kind in part]
