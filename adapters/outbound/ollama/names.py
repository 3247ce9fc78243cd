"""The vendor's model names: what they leave out, and what they say of where a model runs."""


def short(name: str) -> str:
    """Without the tag that is meant where none is given."""
    return name.removesuffix(":latest")


def same_model(one: str, other: str) -> bool:
    return short(one).casefold() == short(other).casefold()


def hosted_elsewhere(name: str) -> bool:
    """By the vendor's custom: `gpt-oss:120b-cloud`, `glm-4.6:cloud`."""
    return short(name).casefold().endswith(("-cloud", ":cloud"))


def speaks_harmony(family: str | None, name: str) -> bool:
    """Whether a model thinks by level and can't be kept from it: the gpt-oss family."""
    if family:
        return family.casefold() in ("gptoss", "gpt-oss")
    return name.casefold().rpartition("/")[2].startswith("gpt-oss")
