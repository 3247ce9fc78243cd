"""The vendor's model names: what they leave out, and what they say of where a model runs."""

from collections.abc import Sequence

from llm_gateway.domain.errors import ProviderMisconfigured
from llm_gateway.domain.routing import Endpoint, Locality

REGISTRY = "registry.ollama.ai"
LIBRARY = "library"
TAG = ":latest"
"""What the vendor means where a name does not say it. (github.com/ollama/ollama, types/model/name.go.)"""


def short(name: str) -> str:
    """Without the tag that is meant where none is given."""
    return name.removesuffix(TAG)


def same_model(one: str, other: str) -> bool:
    return _canonical(one) == _canonical(other)


def spellings(name: str) -> frozenset[str]:
    """In lower case all that the vendor takes for a model's name, in any case."""
    plain = _canonical(name)
    host = f"{REGISTRY}/" if plain.count("/") < 2 else ""
    names = [plain, f"{host}{plain}"] if "/" in plain else [plain, f"{LIBRARY}/{plain}", f"{host}{LIBRARY}/{plain}"]
    untagged = ":" not in plain.rpartition("/")[2]
    return frozenset((*names, *(f"{spelling}{TAG}" for spelling in names if untagged)))


def _canonical(name: str) -> str:
    """`[host/][namespace/]model[:tag]` in lower case, without what is meant where it is not said."""
    *path, model = name.lower().removesuffix(TAG).split("/")
    if len(path) == 2 and path[0] == REGISTRY:
        path = path[1:]
    return model if path == [LIBRARY] else "/".join((*path, model))


def hosted_elsewhere(name: str) -> bool:
    """By the vendor's custom: `gpt-oss:120b-cloud`, `glm-4.6:cloud`.

    Since 0.17.6 its server sends the prompts of such a name away without a model of that name in any of its lists,
    and reads the name in any case and without its spaces (ollama's internal/modelref).
    """
    plain = _canonical("".join(name.partition("@")[0].split()))
    return plain.endswith(("-cloud", ":cloud"))


def hold_local(to: Endpoint) -> None:
    """For a model that is hosted elsewhere: raises `ProviderMisconfigured` if it was to be local."""
    if to.locality is Locality.ON_PREMISES:
        raise ProviderMisconfigured(to.id.provider, "this model is hosted elsewhere, and was to be local")


def speaks_harmony(family: str | None, name: str, capabilities: Sequence[str] | None = None) -> bool:
    """Whether a model thinks by level and can't be kept from it: the gpt-oss family, where it can think at all."""
    if capabilities and "thinking" not in capabilities:
        return False
    if family:
        return family.casefold() in ("gptoss", "gpt-oss")
    return name.casefold().rpartition("/")[2].startswith("gpt-oss")
