"""A model behind the vendors' fakes that works as an agent's: it reads a file, edits it, runs a command, and ends.

Which of the tools it uses is told by those that are offered. Where none of an agent's is, it obliges as in
`obliging.py`. It answers 400 where a call or a signature of its own does not come back as it gave it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Final

from typing_extensions import override

from ..gemini import payloads
from ..http.openai.obliging import Call, ObligingGemini, ObligingOllama
from ..ollama import server as ollama
from ..scripted_vendor import Answer, Asked, Cut, Script, whole

THOUGHT: Final = "It is a note."
NOTE: Final = "note.txt"
OLD: Final = "an old note"
SHOUTED: Final = "A NEW NOTE"
AGAIN: Final = "Count its lines, and look at the picture."
"""What is asked when the conversation goes on."""
PICTURE: Final = "picture.png"
SEES: Final = "And I see it."
COUNTED: Final = 42
UPPER: Final = f"tr a-z A-Z < {NOTE}"
PATCH: Final = f"*** Begin Patch\n*** Update File: {NOTE}\n@@\n-{OLD}\n+a new note\n*** End Patch\n"
_SED: Final = f"sed -i 's/{OLD}/a new note/' {NOTE}"
Turn = Sequence[Call]


def turns_of(tools: Mapping[str, Any], text: str) -> Sequence[Turn]:
    """The calls of each turn, for the agent that offers these tools; `text` is all that it was told."""
    if "exec_command" in tools:
        edit = Call("apply_patch", {"input": PATCH}) if "apply_patch" in tools else _command(_SED)
        turns: list[Turn] = [[_command(f"cat {NOTE}"), _command("ls")], [edit], [_command(UPPER)]]
        look = Call("view_image", {"path": PICTURE})
        return [*turns, [_command(f"wc -l {NOTE}"), look]] if AGAIN in text else turns
    if "Bash" not in tools:
        return []
    path = text.partition("Primary working directory: ")[2].partition("\\n")[0] + f"/{NOTE}"
    edited = {"file_path": path, "old_string": OLD, "new_string": "a new note", "replace_all": False}
    turns = [[Call("Read", {"file_path": path}), _bash("ls")], [Call("Edit", edited)], [_bash(UPPER)]]
    look = Call("Read", {"file_path": path.replace(NOTE, PICTURE)})
    return [*turns, [_bash(f"wc -l {NOTE}"), look]] if AGAIN in text else turns


def _command(line: str) -> Call:
    return Call("exec_command", {"cmd": line})


def _bash(line: str) -> Call:
    return Call("Bash", {"command": line, "description": "As asked"})


def next_turn(turns: Sequence[Turn], done: int) -> Turn:
    """The one after so many calls; empty at the end."""
    for turn in turns:
        if done <= 0:
            return turn
        done -= len(turn)
    return ()


class PlayingGemini(ObligingGemini):
    """Signs the first call of each turn, as Gemini 3 does, and the end of its last words.

    `given` are the signatures of its calls, `returned` all that came back. So many of its next streams for an agent
    break off as `breaks` says.
    """

    def __init__(self, *models: str) -> None:
        super().__init__(*models)
        self.breaks = 0
        self.given: list[str] = []
        self.returned: list[str] = []
        self._calls: dict[str, Mapping[str, Any]] = {}
        self._ids = count(1)

    def forget(self) -> None:
        self.forgiving = False
        self.breaks = 0
        self.given.clear()
        self.returned.clear()

    @override
    def __call__(self, asked: Asked) -> Answer:
        if asked.method == "GET":
            return super().__call__(asked)
        if "countTokens" in asked.path:
            return whole({"totalTokens": COUNTED})
        parts = [part for content in asked.body["contents"] for part in content["parts"]]
        self.returned += [part["thoughtSignature"] for part in parts if "thoughtSignature" in part]
        played = [part for part in parts if part.get("functionCall", {}).get("id") in self._calls]
        if any(part != self._calls[part["functionCall"]["id"]] for part in played):
            return payloads.refusal(400, status="INVALID_ARGUMENT")
        if self.breaks and "stream" in asked.path and asked.body.get("tools"):
            self.breaks -= 1
            return payloads.stream(payloads.said({"text": "I "}), then=(Cut(),))
        return super().__call__(asked)

    @override
    def said(self, body: Mapping[str, Any], text: str) -> Sequence[Mapping[str, Any]]:
        offered = {one["name"]: one for tool in body.get("tools", ()) for one in tool["functionDeclarations"]}
        parts = [part for content in body["contents"] for part in content["parts"]]
        turns = turns_of(offered, text + json.dumps(body.get("systemInstruction", {})))
        thought = [{"text": THOUGHT, "thought": True}] if _shows_thoughts(body) else []
        if not turns:
            return [*thought, *super().said(body, text)]
        turn = next_turn(turns, sum("functionCall" in part for part in parts))
        if turn:
            return [*thought, *self._called(turn)]
        results = [part["functionResponse"] for part in parts if "functionResponse" in part]
        seen = SEES if results[-1].get("parts") else ""
        told = json.dumps([one["response"] for one in results[-len(turns[-1]) :]])
        return [*thought, {"text": f"It reads: {told}. {seen}"}, {"text": "", "thoughtSignature": "ZW5k"}]

    def _called(self, turn: Turn) -> Iterator[Mapping[str, Any]]:
        for place, call in enumerate(turn):
            number = next(self._ids)
            function = {"id": f"played-{number}", "name": call.name, "args": call.arguments}
            part: dict[str, Any] = {"functionCall": function}
            if place == 0:
                part["thoughtSignature"] = self.signed[f"played-{number}"] = f"cGxheWVk{number:04d}"
                self.given.append(part["thoughtSignature"])
            self._calls[f"played-{number}"] = part
            yield part


def _shows_thoughts(body: Mapping[str, Any]) -> bool:
    return bool(body.get("generationConfig", {}).get("thinkingConfig", {}).get("includeThoughts"))


class PlayingOllama(ObligingOllama):
    """Holds the calls and the results that come back to be those of its turns, by their ids. `breaks` as Gemini's."""

    def __init__(self) -> None:
        self.breaks = 0

    @override
    def __call__(self, asked: Asked) -> Script:
        body = asked.body
        messages = body["messages"]
        offered = {tool["function"]["name"]: tool for tool in body.get("tools", ())}
        turns = turns_of(offered, json.dumps(messages))
        if not turns:
            return super().__call__(asked)
        if self.breaks and body.get("stream", True):
            self.breaks -= 1
            return ollama.stream(ollama.line("I "), then=(Cut(),))
        called = [call for message in messages for call in message.get("tool_calls", ())]
        results = [message for message in messages if message["role"] == "tool"]
        made = [call for turn in turns for call in turn][: len(called)]
        if [(one["function"]["name"], one["function"]["arguments"]) for one in called] != [
            (call.name, call.arguments) for call in made
        ]:
            return whole({"error": "other calls"}, 400)
        if [one["id"] for one in called] != [one["tool_call_id"] for one in results]:
            return whole({"error": "other results"}, 400)
        wishes = [{"function": {"name": c.name, "arguments": c.arguments}} for c in next_turn(turns, len(called))]
        if wishes:
            return self.answer(body, tool_calls=wishes)
        seen = SEES if results[-1].get("images") else ""
        told = json.dumps([one["content"] for one in results[-len(turns[-1]) :]])
        return self.answer(body, f"It reads: {told}. {seen}")

    @override
    def answer(self, body: Mapping[str, Any], content: str = "", **more: Any) -> Script:
        thinks = {"thinking": THOUGHT} if body.get("think") else {}
        if not thinks or not body.get("stream", True):
            return super().answer(body, content, **more, **thinks)
        return ollama.stream(ollama.line(**thinks), ollama.line(content, **more), ollama.end())
