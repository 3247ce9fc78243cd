"""What planning, caching and quotas ask of a request: for a large one to be worked out ahead, off the event loop."""

from .cache_key import encoded
from .chat import ChatRequest
from .estimate import estimate_prompt, likely_prompt_tokens
from .features import fields_used
from .validation import request_faults


def survey(request: ChatRequest) -> None:
    """Works it out, and keeps it with the request. One with faults comes no further than to them."""
    if not request_faults(request):
        fields_used(request)
        encoded(request)
        estimate_prompt(request)
        likely_prompt_tokens(request)
