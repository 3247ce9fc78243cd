"""Under which key an answer's signatures are kept: what a provider gave with tool calls, and wants back with them."""

from hashlib import blake2b
from typing import NewType

from msgspec import msgpack

from .routing import EndpointId

SignatureKey = NewType("SignatureKey", bytes)
"""A digest that stands for one answer with tool calls, 32 bytes. Made by `domain.signature_key.signature_key`."""

_PERSON = b"llm-gw-signed-1"


def signature_key(namespace: str, endpoint: EndpointId, call_id: str) -> SignatureKey:
    """By the client's namespace, the endpoint that answered, and the id of the answer's first tool call.

    Another model is not shown them: it may refuse what it did not make.
    """
    question = msgpack.encode((namespace, endpoint.provider, endpoint.model, call_id))
    return SignatureKey(blake2b(question, digest_size=32, person=_PERSON).digest())
