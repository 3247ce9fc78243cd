"""The bytes of all bodies under way, held to a limit."""

from llm_gateway.domain.errors import Overloaded


class Bodies:
    """Counts bytes as they come, so that a client that says how much it will send holds no room by that alone.

    `most` is of all requests together. What is read of one lives on in what it asks, so it counts until its end.
    """

    def __init__(self, most: int) -> None:
        self.held = 0
        self._most = most

    def share(self) -> "Share":
        return Share(self)

    def check(self, size: int) -> None:
        """Raises `Overloaded` where so many bytes more would be too many now."""
        if self.held + size > self._most:
            raise Overloaded


class Share:
    """What one request holds of it, until it is released."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._size = 0

    def check(self, size: int) -> None:
        """Raises `Overloaded` where so many bytes more would be too many now."""
        self._bodies.check(size)

    def take(self, size: int) -> None:
        """Raises `Overloaded`, and takes none."""
        self._bodies.check(size)
        self._bodies.held += size
        self._size += size

    def release(self) -> None:
        self._bodies.held -= self._size
        self._size = 0
