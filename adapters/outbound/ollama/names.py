"""The vendor's model names: what they leave out, and what they say of where a model runs."""

from llm_gateway.domain.errors import ProviderMisconfigured
from llm_gateway.domain.routing import Endpoint, Locality


def short(name: str) -> str:
    """Without the tag that is meant where none is given."""
    return name.removesuffix(":latest")


def same_model(one: str, other: str) -> bool:
    return short(one).casefold() == short(other).casefold()


def hosted_elsewhere(name: str) -> bool:
    """By the vendor's custom: `gpt-oss:120b-cloud`, `glm-4.6:cloud`."""
    return short(name).casefold().endswith(("-cloud", ":cloud"))


def hold_local(to: Endpoint, *, elsewhere: bool) -> None:
    """Raises `ProviderMisconfigured` for a model that was to be local and is not."""
    if elsewhere and to.locality is Locality.ON_PREMISES:
        raise ProviderMisconfigured(to.id.provider, "this model is hosted elsewhere, and was to be local")


def speaks_harmony(family: str | None, name: str) -> bool:
    """Whether a model thinks by level and can't be kept from it: the gpt-oss family."""
    if family:
        return family.casefold() in ("gptoss", "gpt-oss")
    return name.casefold().rpartition("/")[2].startswith("gpt-oss")
