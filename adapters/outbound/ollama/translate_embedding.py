"""From texts to the bodies of requests for `/api/embed`, and from the answers to one reply. Pure."""

from collections.abc import Iterator, Sequence

from llm_gateway.domain.chat import counted
from llm_gateway.domain.embedding import EmbedReply, EmbedRequest, check_vectors
from llm_gateway.domain.routing import Endpoint

from .options import Options
from .translate_messages import Body
from .wire import Vectors

INPUTS_A_CALL = 128
"""So that an answer stays well below what is held of one: 16 MiB are 128 vectors of 10,000 numbers."""


def embed_load_body(model: str, options: Options) -> Body:
    """An embedding of nothing loads the model; with a `keep_alive` of 0 it would be unloaded again at once."""
    body = _frame(model, options) | {"input": []}
    if not options.loaded_seconds:
        body.pop("keep_alive")
    return body


def embed_bodies(model: str, request: EmbedRequest, options: Options) -> Iterator[Body]:
    """As many as it takes, in the order of the inputs."""
    for start in range(0, len(request.inputs), INPUTS_A_CALL):
        body = _frame(model, options) | {"input": request.inputs[start : start + INPUTS_A_CALL]}
        yield body if request.dimensions is None else body | {"dimensions": request.dimensions}


def embed_reply(to: Endpoint, request: EmbedRequest, answers: Sequence[Vectors]) -> EmbedReply:
    """Raises `ProviderBroken` or `ProviderRejected` as `check_vectors` does."""
    vectors = tuple(vector for answer in answers for vector in answer.embeddings)
    check_vectors(to.id.provider, request, vectors)
    return EmbedReply(
        endpoint=to.id,
        model=_named(answers[0].model) or to.id.model,
        vectors=vectors,
        prompt_tokens=sum(counted(answer.prompt_eval_count) for answer in answers),
    )


def _named(model: str | None) -> str | None:
    """JSON can spell half a character, which no answer of ours could be made of."""
    return model if model is None else model.encode(errors="replace").decode()


def _frame(model: str, options: Options) -> Body:
    """Without `truncate` the server silently drops the end of what does not fit the model's context."""
    body: Body = {"model": model, "truncate": False}
    if options.keep_alive is not None:
        body["keep_alive"] = options.sent_keep_alive
    if options.num_ctx is not None:
        body["options"] = {"num_ctx": options.num_ctx}
    return body
