"""Makes client keys."""

import secrets

from llm_gateway.domain.clients import digest_of


def new_key() -> str:
    """A key of 256 random bits, and its digest, which is all that a gateway needs to know."""
    key = f"sk-gateway-{secrets.token_urlsafe(32)}"
    return "\n".join(
        (
            f"key     {key}",
            f"digest  sha256:{digest_of(key).hex()}",
            "",
            "Give the key to the client; set API_KEYS to the key or, better, to its digest.",
        )
    )
