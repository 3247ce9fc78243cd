"""What a worker process is given by its parent, and how it goes through the pipe between them."""

from msgspec import Struct, json

from .loading import decode_secret
from .settings import Secret, Settings


class Assignment(Struct, frozen=True, kw_only=True):
    """`parent` is a process id, `listeners` are inherited descriptors, `folder` is where the workers meet.

    `after_hang`: the predecessor in this slot was ended because it hung, which this one counts.
    """

    settings: Settings
    parent: int
    listeners: tuple[int, ...]
    folder: str
    slot: int
    slots: int
    after_hang: bool = False


def encode_assignment(assignment: Assignment) -> bytes:
    """As a line. It holds the settings' secrets: for a pipe to a process of our own, and nothing else."""
    return json.encode(assignment, enc_hook=_plain) + b"\n"


def decode_assignment(line: bytes) -> Assignment:
    return json.decode(line, type=Assignment, dec_hook=decode_secret)


def _plain(value: object) -> object:
    if isinstance(value, Secret):
        return value.value
    raise NotImplementedError(type(value).__name__)
