"""The dashboards, one a module."""

from .cache import CACHE
from .limits import LIMITS
from .providers import PROVIDERS
from .system import SYSTEM
from .tokens import TOKENS
from .traffic import TRAFFIC

BOARDS = (TRAFFIC, PROVIDERS, TOKENS, CACHE, LIMITS, SYSTEM)
