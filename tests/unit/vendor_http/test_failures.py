"""What goes wrong between a vendor and us, as the gateway's errors."""

import traceback

import msgspec
import pytest
from typing_extensions import override

from llm_gateway.adapters.outbound.vendor_http.errors import (
    AnswerTooLarge,
    BadAddress,
    BrokenOff,
    HttpRefusal,
    Malformed,
    OutsideAddress,
    Unconnected,
)
from llm_gateway.adapters.outbound.vendor_http.failures import HttpFailures
from llm_gateway.domain.errors import (
    ProviderBroken,
    ProviderError,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from llm_gateway.domain.routing import EndpointId

TO = EndpointId(provider="vendor", model="one")


class Failures(HttpFailures, frozen=True):
    @override
    def refused(self, refusal: HttpRefusal) -> ProviderError:
        return ProviderUnavailable(self.to.provider, "it said so", status=refusal.status)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (HttpRefusal(503, None, b"the secret"), ProviderUnavailable),
        (TimeoutError(), ProviderTimeout),
        (Unconnected("the secret"), ProviderRefused),
        (OutsideAddress("the secret"), ProviderRefused),
        (BadAddress("the secret"), ProviderMisconfigured),
        (BrokenOff("the secret"), ProviderBroken),
        (Malformed("the secret"), ProviderBroken),
        (AnswerTooLarge("the secret"), ProviderBroken),
        (msgspec.DecodeError("the secret"), ProviderBroken),
        (msgspec.ValidationError("the secret"), ProviderBroken),
        (RecursionError("the secret"), ProviderBroken),
    ],
)
def test_every_error_has_a_meaning_and_keeps_nothing_of_the_vendors(
    error: Exception, kind: type[ProviderError]
) -> None:
    with pytest.raises(kind) as failed, Failures(TO, lambda: 0.0):
        raise error

    assert type(failed.value) is kind
    assert failed.value.doubtful == isinstance(error, AnswerTooLarge)
    assert failed.value.__cause__ is failed.value.__context__ is None
    assert "secret" not in "".join(traceback.format_exception_only(failed.value))


def test_a_timeout_says_what_was_late() -> None:
    with pytest.raises(ProviderTimeout, match="the list is late"), Failures(TO, lambda: 0.0, "the list is late"):
        raise TimeoutError


def test_what_is_not_the_vendors_is_raised_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError), Failures(TO, lambda: 0.0):
        raise ZeroDivisionError
