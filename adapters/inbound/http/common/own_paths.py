"""Faults that are found in a request after it was translated, at the paths of what the client sent. Pure."""

from collections.abc import Callable
from typing import TypeVar, cast

from llm_gateway.domain.errors import ContextLengthExceeded, Fault, InvalidRequest, ProviderRejected

E = TypeVar("E", bound=BaseException)


def at_own_paths(error: E, own_path: Callable[[str], str]) -> E:
    """The same error with other paths; one that names none as it is.

    Validation and providers name the fields of a chat completion, such as `tools[2].function.name`, which another
    surface's client did not send.
    """
    renamed: BaseException = error
    match error:
        case InvalidRequest(faults=faults) if type(error) is InvalidRequest:
            renamed = InvalidRequest([Fault(path=own_path(fault.path), message=fault.message) for fault in faults])
        case ProviderRejected(path=str(path)):
            renamed = _rejected(error, own_path(path))
    return cast("E", renamed.with_traceback(error.__traceback__))


def _rejected(error: ProviderRejected, path: str) -> ProviderRejected:
    if isinstance(error, ContextLengthExceeded):
        return ContextLengthExceeded(
            error.provider,
            error.complaint,
            path=path,
            retry_after=error.retry_after,
            status=error.status,
            limit=error.limit,
            tokens=error.tokens,
        )
    return ProviderRejected(
        error.provider,
        error.complaint,
        path=path,
        retry_after=error.retry_after,
        doubtful=error.doubtful,
        status=error.status,
        reason=error.reason,
    )
