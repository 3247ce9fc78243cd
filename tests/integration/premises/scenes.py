"""The servers that tempt a gateway to go outside, each an endpoint of its own, and what it has to answer."""

import json
import socket
from collections.abc import Callable, Sequence

from msgspec import Struct

from ..ollama.server import HEAD, Model, OllamaServer, end, line, stream
from ..openai.server import DONE, SpokenServer, delta, message
from ..openai.server import stream as spoken_stream
from ..scripted_vendor import Asked, Cut, Hold, Reset, Script, whole
from .cloud import ADDRESS, PORT, URL

ANSWER = "Said on the premises."
MODEL = "llama3.1"


def answered(asked: Asked) -> Script:
    """Whole, or as a stream, as it was asked."""
    return stream(line(ANSWER), end()) if asked.body["stream"] else whole(line(ANSWER) | end(content=ANSWER))


def spoken(asked: Asked) -> Script:
    """The same in OpenAI's form."""
    return spoken_stream(delta(ANSWER, "stop"), DONE) if asked.body.get("stream") else whole(message(ANSWER))


def passed_on(asked: Asked) -> Script:
    """As the vendor's server does it with a model that is hosted elsewhere: the prompt goes there."""
    with socket.create_connection((ADDRESS, PORT), timeout=5) as elsewhere:
        elsewhere.sendall(
            b"POST /api/chat HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(asked.content), asked.content)
        )
    return whole(end(remote_host=URL))


def refused(status: int) -> Callable[[Asked], Script]:
    """With the way to the cloud, and with words that quote what was asked."""
    return lambda asked: whole({"error": asked.content.decode()}, status, {"Location": f"{URL}/api/chat"})


def errs(asked: Asked) -> Script:
    quoted = {"error": asked.content.decode()}
    return stream(quoted) if asked.body["stream"] else whole(quoted)


def garbles(asked: Asked) -> Script:
    return (
        stream(b"%b and {no JSON\n" % asked.content)
        if asked.body["stream"]
        else whole(asked.content + b" and {no JSON")
    )


class Told(Struct, frozen=True):
    """How the gateway answers. `says` is the answer's content, or words of the problem."""

    status: int
    code: str
    says: str


class Scene(Struct, frozen=True, kw_only=True):
    """An endpoint, and what a `secure` request that names it is told.

    `kind` is what the server speaks. `answers` is its script; without one there is none, and `url` leads elsewhere.
    """

    name: str
    told: Told
    kind: str = "ollama"
    answers: Script | Callable[[Asked], Script] | None = answered
    url: str | None = None
    model: str = MODEL
    remote_host: str | None = None
    listed: bool = True
    version: str = "0.33.0"
    turns: str | None = None
    """What changes once the gateway has looked at it."""


_OUTSIDE = Told(400, "invalid_request", "in the cloud, where secure requests never go")
_BROKEN = Told(502, "provider_failed", "broke off")

SCENES: Sequence[Scene] = (
    Scene(
        name="refuses", turns="closes", told=Told(503, "provider_unavailable", "refuses: no connection could be made")
    ),
    Scene(name="resets", answers=[Reset()], told=_BROKEN),
    Scene(name="stays-silent", answers=[Hold()], told=Told(504, "provider_timeout", "no answer")),
    Scene(name="cuts", answers=[HEAD, Cut()], told=_BROKEN),
    Scene(name="is-busy", answers=refused(429), told=Told(503, "provider_throttled", "asks to wait")),
    Scene(name="fails", answers=refused(503), told=Told(503, "provider_unavailable", "the server failed")),
    Scene(name="errs", answers=errs, told=_BROKEN),
    Scene(name="garbles", answers=garbles, told=Told(502, "provider_failed", "malformed")),
    *(
        Scene(
            name=f"redirects-{status}",
            answers=refused(status),
            told=Told(502, "provider_failed", "where nobody follows"),
        )
        for status in (301, 302, 303, 307, 308)
    ),
    Scene(name="hosted", model="big-cloud", version="0.17.4", answers=passed_on, told=_OUTSIDE),
    Scene(name="hosted-unlisted", model="Big:120b-Cloud", listed=False, answers=passed_on, told=_OUTSIDE),
    Scene(name="alias", answers=passed_on, remote_host=URL, told=_OUTSIDE),
    Scene(name="outside", answers=None, url=URL, told=_OUTSIDE),
    Scene(name="name-outside", answers=None, url=f"http://outside.premises:{PORT}", told=_OUTSIDE),
    Scene(
        name="name-turns",
        url=f"http://turns.premises:{PORT}",
        turns="leads outside",
        told=Told(503, "provider_unavailable", "neither loopback nor private"),
    ),
    Scene(
        name="model-turns",
        answers=passed_on,
        turns="is hosted elsewhere",
        told=Told(502, "provider_misconfigured", "hosted elsewhere"),
    ),
    Scene(name="gemini", answers=None, told=_OUTSIDE),
    Scene(name="vllm-outside", kind="openai", answers=None, url=f"{URL}/v1", told=_OUTSIDE),
    Scene(
        name="vllm-name-outside", kind="openai", answers=None, url=f"http://outside.premises:{PORT}/v1", told=_OUTSIDE
    ),
    Scene(
        name="vllm-hosted",
        kind="openai",
        model="gpt-oss:120b-cloud",
        answers=spoken,
        told=_OUTSIDE,
    ),
    Scene(
        name="vllm-name-turns",
        kind="openai",
        answers=spoken,
        url="http://turns.premises:8001",
        turns="leads outside",
        told=Told(503, "provider_unavailable", "neither loopback nor private"),
    ),
    Scene(
        name="vllm-redirects", kind="openai", answers=refused(307), told=Told(502, "provider_failed", "nobody follows")
    ),
    Scene(name="vllm-fails", kind="openai", answers=refused(503), told=Told(503, "provider_unavailable", "failed")),
    Scene(name="ollama", url="http://ollama.premises:11434", told=Told(200, "", ANSWER)),
    Scene(name="vllm", kind="openai", answers=spoken, told=Told(200, "", ANSWER)),
)
"""The last two answer: a request that may go to all of them ends with the first of these."""

HOSTS = {"localhost": "127.0.0.1", "ollama.premises": "127.0.0.1", "outside.premises": ADDRESS}


def hosts(*, turned: bool) -> str:
    """A hosts file, before and after a name has turned."""
    names = HOSTS | {"turns.premises": ADDRESS if turned else "127.0.0.1"}
    return "".join(f"{address} {name}\n" for name, address in names.items())


def prepare(scene: Scene, server: OllamaServer | SpokenServer) -> None:
    assert scene.answers is not None
    if isinstance(server, SpokenServer):
        server.models = [{"id": scene.model}]
        server.scripts = [scene.answers]
        return
    server.models = [Model(name=f"{scene.model}:latest", remote_host=scene.remote_host)] if scene.listed else []
    server.loaded = {f"{scene.model}:latest"}
    server.version = scene.version
    server.scripts = [scene.answers]


def configuration(urls: dict[str, str]) -> str:
    """The gateway's TOML: an endpoint a scene, all of them on the route of `secure`, however wrong that is."""
    route = json.dumps([scene.name for scene in SCENES])
    quota = "requests = { capacity = 1000, refill_rate = 1000.0 }"
    clients = "".join(
        f'[[clients]]\nname = "{name}"\nkeys = ["{key}"]\n{quota}\n{more}'
        for name, key, more in (("anyone", ANYONE, ""), ("kept", KEPT, 'hints = ["secure"]\n'))
    )
    endpoints = "".join(
        f'[[{TABLES[scene.kind]}]]\nname = "{scene.name}"\nkind = "{scene.kind}"\nmodel = "{scene.model}"\n'
        f'base_url = "{url}"\n'
        for scene in SCENES
        if (url := urls.get(scene.name)) is not None and scene.name != "ollama"
    )
    return f"{clients}{endpoints}[routes]\nsecure = {route}\n"


TABLES = {"ollama": "endpoints", "openai": "providers"}
ANYONE = "key-of-anyone"
KEPT = "key-kept-to-secure"
