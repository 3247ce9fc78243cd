"""What Gemini's adapter asks of its vendor, whichever client carries it."""

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Final, Protocol
from urllib.parse import quote

import msgspec
from msgspec import Struct

from ..vendor_http.errors import BadAddress
from .media import Json
from .wire import CountTokensResponse, EmbedContentResponse, GenerateContentResponse, Model

BASE_URL: Final = "https://generativelanguage.googleapis.com"
API_VERSION: Final = "v1beta"
"""Where thinking, signatures and JSON schemas are documented."""
MAX_LIST_BYTES: Final = 16 * 1024 * 1024
PAGE_SIZE: Final = 1_000
MAX_PAGES: Final = 16
"""Of the list of models, which the vendor could turn in circles."""


class Vertex(Struct, frozen=True):
    """Where Vertex AI serves a project. Its credentials are Google's application-default ones."""

    project: str
    location: str


class Account(Struct, frozen=True):
    """By a key, or at Vertex AI, whose address is made of the location where none is given."""

    api_key: str | None = None
    base_url: str | None = None
    vertex: Vertex | None = None


class GeminiChunks(Protocol):
    """One streamed answer. It is asked for with the first read, and closing it reaches the vendor at once."""

    @property
    @abstractmethod
    def until(self) -> float:
        """When it has to have ended: moved on by the time between two reads, which is the reader's."""
        ...

    @abstractmethod
    async def next(self, idle: float, by: float | None = None) -> Sequence[GenerateContentResponse] | None:
        """What the next read brings within `idle` seconds, or `by` a time where one is given; None after the end.

        What came before a failure is given first.
        """
        ...

    @abstractmethod
    async def aclose(self) -> None: ...


class GeminiTransport(Protocol):
    """Calls of one account, each sent once. They raise the errors of `vendor_http.errors`, and `TimeoutError`.

    Times are on the monotonic clock. Bodies are those of the vendor's REST reference.
    """

    @abstractmethod
    async def answer(
        self, model: str, body: Json, *, headers: Mapping[str, str], until: float
    ) -> GenerateContentResponse: ...

    @abstractmethod
    def chunks(self, model: str, body: Json, *, headers: Mapping[str, str], until: float) -> GeminiChunks: ...

    @abstractmethod
    async def count(self, model: str, body: Json, *, headers: Mapping[str, str], until: float) -> CountTokensResponse:
        """Of the prompt in a body of `answer`."""
        ...

    @abstractmethod
    async def embeddings(
        self, model: str, texts: Sequence[str], dimensions: int | None, *, headers: Mapping[str, str], until: float
    ) -> EmbedContentResponse:
        """A vector for each text."""
        ...

    @abstractmethod
    async def models(self, *, until: float) -> Sequence[Model]: ...

    @abstractmethod
    async def aclose(self) -> None: ...


def encoded(body: Json) -> bytes:
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can escape
        return json.dumps(body).encode()


COUNTED: Final = ("contents", "systemInstruction", "tools")
"""What of a body is prompt."""


def prompt_in(body: Json) -> Json:
    """What of a body is sent to be counted."""
    return {name: body[name] for name in COUNTED if name in body}


def resource_of(model: str) -> str:
    """The model's path at the vendor. Raises `BadAddress` for a name that would lead elsewhere."""
    name = model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"
    if ".." in name:
        raise BadAddress("a model's name with ..")
    return quote(name, safe="/:@")
