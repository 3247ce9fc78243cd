"""A request's options outside its body's fields, on every surface: its hint, its timeout, and that each stands once."""

import re
from datetime import timedelta
from json import loads

from litestar.types import Scope

from llm_gateway.domain.errors import InvalidRequest
from llm_gateway.domain.routing import Hint

from .requests import headers

_NUMBER = re.compile(rb"[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?")
_ROUTING = ("model", "model_hint")
_ESCAPED_LETTER = re.compile(rb"\\u00[4-7]")


def hint_of(scope: Scope, stated: Hint | None) -> Hint | None:
    """The body's hint and the headers' as one: `secure` wins, and others must not differ."""
    try:
        hints = {Hint(value.decode("latin-1").strip()) for value in headers(scope, b"x-gateway-hint")}
    except ValueError:
        raise InvalidRequest.at("X-Gateway-Hint", f"must be one of {', '.join(Hint)}") from None
    if stated is not None:
        hints.add(stated)
    if Hint.SECURE in hints:
        return Hint.SECURE
    if len(hints) > 1:
        raise InvalidRequest.at("X-Gateway-Hint", "differs from model_hint, or stands there twice")
    return next(iter(hints), None)


def check_said_once(data: bytes) -> None:
    """Of a field that is said twice, decoding takes the last: `secure` must not be lost that way."""
    if not (data.count(b'"model_hint"') > 1 or data.count(b'"model"') > 1 or _ESCAPED_LETTER.search(data)):
        return
    try:
        names = [name for name, _ in loads(data, object_pairs_hook=tuple)]
    except RecursionError:  # it has a little less room than what decoded the body
        raise InvalidRequest.at("", "the body is nested too deeply") from None
    for name in _ROUTING:
        if names.count(name) > 1:
            raise InvalidRequest.at(name, "stands there twice")


def timeout_of(scope: Scope) -> timedelta | None:
    values = headers(scope, b"x-gateway-timeout")
    if not values:
        return None
    seconds = float(values[0]) if len(values) == 1 and _NUMBER.fullmatch(values[0]) else 0.0
    if not 0.001 <= seconds <= 86_400:
        raise InvalidRequest.at("X-Gateway-Timeout", "must be seconds, from 0.001 to 86400")
    return timedelta(seconds=seconds)
