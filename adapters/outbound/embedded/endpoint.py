"""The embedded model as the plan sees it."""

from pathlib import Path

from llm_gateway.domain.routing import Endpoint, EndpointId, EndpointState, Locality

from .limits import CONTEXT_LENGTH, OUTPUT_LIMIT, PROVIDER
from .model_file import fingerprint, model_name
from .parameters import FEATURES, LEFT_OUT


def endpoint_of(file: Path) -> Endpoint:
    return Endpoint(
        id=EndpointId(provider=PROVIDER, model=model_name(file)),
        locality=Locality.ON_PREMISES,
        fingerprint=fingerprint(file),
    )


def state_of(endpoint: Endpoint, *, unusable: str | None, demonstration: bool, loading: bool) -> EndpointState:
    return EndpointState(
        endpoint=endpoint,
        features=FEATURES,
        left_out=LEFT_OUT,
        unusable=unusable,
        demonstration=demonstration,
        loading=loading,
        context_length=CONTEXT_LENGTH,
        output_limit=OUTPUT_LIMIT,
    )
