"""Names of functions as the vendor's grammar has them: an alias for each that does not fit, undone in answers."""

import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import count
from typing import Final

from llm_gateway.domain.chat import AssistantMessage, ChatRequest

MAX_LENGTH: Final = 64
"""Of every refusal that was seen; the SDK's contract has 128 (google-genai 3.6.1), which no one confirmed."""
_FITS: Final = re.compile(rf"[A-Za-z_][A-Za-z0-9_.:-]{{0,{MAX_LENGTH - 1}}}")
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_.:-]")
_DIGEST: Final = 8


class FunctionNames:
    """The names of one request, each as it is sent.

    An alias is made of the name and a digest of it, so that it is the same in every request, unless another name of
    this request is just that.
    """

    def __init__(self, names: Iterable[str]) -> None:
        found = dict.fromkeys(names)
        taken = {name for name in found if _FITS.fullmatch(name)}
        self._sent: dict[str, str] = {}
        for name in found:
            if name not in taken:
                self._sent[name] = alias = next(alias for alias in _aliases(name) if alias not in taken)
                taken.add(alias)
        self._said = {alias: name for name, alias in self._sent.items()}

    def sent(self, name: str) -> str:
        """As the vendor takes it."""
        return self._sent.get(name, name)

    def said(self, name: str) -> str:
        """The client's own name of a function that the vendor calls by its alias."""
        return self._said.get(name, name)


def names_of(request: ChatRequest) -> FunctionNames:
    """Of its tools, and of the calls in its history, whose tools may be gone."""
    return FunctionNames(_names(request))


def _names(request: ChatRequest) -> Iterator[str]:
    for tool in request.tools:
        yield tool.name
    for message in request.messages:
        if isinstance(message, AssistantMessage):
            for call in message.tool_calls:
                yield call.name


def _aliases(name: str) -> Iterator[str]:
    begin = _UNFIT.sub("_", name)
    begin = begin if _FITS.match(begin) else f"_{begin}"
    for attempt in count():
        question = f"{attempt}\0{name}" if attempt else name
        digest = blake2b(question.encode("utf-8", "surrogatepass"), digest_size=_DIGEST // 2).hexdigest()
        yield f"{begin[: MAX_LENGTH - _DIGEST - 1]}_{digest}"
