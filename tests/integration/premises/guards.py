"""What keeps a `secure` prompt on the premises: each guard, how it is taken out, and what then fails."""

from collections.abc import Sequence

from msgspec import Struct

from .inside import Order

_OLLAMA = "adapters.outbound.ollama"
_OPENAI = "adapters.outbound.openai"
_HTTP = "adapters.outbound.vendor_http"


class Edit(Struct, frozen=True):
    """In a module of the package, this code, which stands there once, gives way to that."""

    module: str
    code: str
    instead: str


class Guard(Struct, frozen=True, kw_only=True):
    """`order` is what is run without it: a scene or a way whose answer changes or whose prompt `leaks`.

    Where another guard stands behind it, and the gateway as a whole shows nothing, `test` fails without it.
    """

    name: str
    edits: Sequence[Edit]
    order: Order | None = None
    leaks: bool = True
    test: str | None = None


def _scene(name: str, *, proxy: bool = False, transport: str = "rest") -> Order:
    return Order(scenes=[name], proxy=proxy, transport=transport)


def _way(name: str) -> Order:
    return Order(ways=[name])


_SOCKET = Edit(f"{_HTTP}.session", "guarded_socket if guarded else None", "None")
_ENVIRONMENT = Edit(f"{_HTTP}.session", "trust_env=False", "trust_env=True")
_REDIRECT = Edit(f"{_HTTP}.client", "if response.status != 200:", "if response.status >= 400:")
_FOLLOW = Edit(f"{_HTTP}.client", "allow_redirects=False", "allow_redirects=True")

_SDK_REDIRECT = Edit(f"{_OLLAMA}.sdk_connections", "if response.status_code != 200:", "if response.status_code >= 400:")
_SDK_FOLLOW = Edit(f"{_OLLAMA}.sdk", "follow_redirects=False", "follow_redirects=True")

_AT_HOME = Edit(f"{_HTTP}.server_directory", "if at_home else Locality.CLOUD", "if True else Locality.CLOUD")
_PIN = Edit("domain.planning", "if excluded is not None:", "if False:")

GUARDS: Sequence[Guard] = (
    Guard(
        name="a plan without the cloud",
        edits=[Edit("domain.planning", "state.endpoint.locality is not Locality.ON_PREMISES", "False")],
        order=_scene("gemini"),
    ),
    Guard(
        name="a pin beside secure",
        edits=[_PIN],
        order=_scene("gemini"),
    ),
    Guard(
        name="an embedding's pin beside secure",
        edits=[_PIN],
        order=_way("OpenAI's surface, embedding in the cloud"),
    ),
    Guard(
        name="a key that is kept to secure names a model",
        edits=[Edit("domain.planning", "elif client.hints is not None and all(", "elif False and all(")],
        order=_way("key, model in the cloud"),
    ),
    Guard(
        name="a key that is kept to secure gives a hint",
        edits=[Edit("domain.planning", "if not client.may_hint(hint):", "if False:")],
        order=_way("key, hint of the cloud"),
    ),
    Guard(
        name="every hint counts",
        edits=[
            Edit(
                "domain.planning",
                "for hint in hints:\n        if hint is",
                "for hint in hints[:1]:\n        if hint is",
            )
        ],
        order=_way("model beside a hint"),
    ),
    Guard(
        name="secure in a header wins",
        edits=[Edit("adapters.inbound.http.common.requests", "if Hint.SECURE in hints:", "if False:")],
        order=_way("header over body"),
        leaks=False,
    ),
    Guard(
        name="Gemini is in the cloud wherever it is",
        edits=[Edit("adapters.outbound.gemini.directory", "locality=Locality.CLOUD", "locality=Locality.ON_PREMISES")],
        order=_scene("gemini"),
    ),
    Guard(
        name="the directory looks where an address leads",
        edits=[_AT_HOME],
        order=_scene("name-outside"),
        leaks=False,
    ),
    Guard(
        name="the directory asks where a model is hosted",
        edits=[Edit(f"{_OLLAMA}.catalogue", "elsewhere=bool(shown.remote_host) or", "elsewhere=False or")],
        order=_scene("alias"),
        leaks=False,
    ),
    Guard(
        name="a name that says where a model is hosted",
        edits=[Edit(f"{_OLLAMA}.names", '.endswith(("-cloud", ":cloud"))', ".endswith(())")],
        order=_scene("hosted"),
    ),
    Guard(
        name="the look at a model before it is asked",
        edits=[Edit(f"{_OLLAMA}.names", "if to.locality is Locality.ON_PREMISES:", "if False:")],
        order=_scene("model-turns"),
    ),
    Guard(
        name="an answer from elsewhere",
        edits=[Edit(f"{_OLLAMA}.translate_reply", "self.elsewhere = bool(part.remote_host)", "self.elsewhere = False")],
        test="tests/unit/ollama/test_translate_reply.py",
    ),
    Guard(
        name="no prompt after an answer from elsewhere",
        edits=[
            Edit(
                f"{_OLLAMA}.loading",
                "        if elsewhere:\n            self._elsewhere",
                "        if False:\n            self._elsewhere",
            )
        ],
        test="tests/integration/ollama/test_chat.py",
    ),
    Guard(name="the socket", edits=[_SOCKET], order=_scene("name-turns")),
    Guard(
        name="the socket of a model on the premises",
        edits=[Edit(f"{_OLLAMA}.client", "guarded=locality is Locality.ON_PREMISES", "guarded=False")],
        order=_scene("name-turns"),
    ),
    Guard(
        name="the client by where a model is",
        edits=[
            Edit(
                f"{_OLLAMA}.client",
                "        client = self._clients.get(locality)\n",
                "        locality = Locality.CLOUD\n        client = self._clients.get(locality)\n",
            )
        ],
        order=_scene("name-turns"),
    ),
    Guard(
        name="the directory looks where an address of OpenAI's API leads",
        edits=[_AT_HOME],
        order=_scene("vllm-name-outside"),
        leaks=False,
    ),
    Guard(
        name="a name in OpenAI's API that says where a model is hosted",
        edits=[Edit(f"{_OPENAI}.directory", ".endswith(_ELSEWHERE)", ".endswith(())")],
        order=_scene("vllm-hosted"),
        leaks=False,
    ),
    Guard(
        name="the socket to a server of OpenAI's API",
        edits=[Edit(f"{_OPENAI}.client", "guarded=locality is Locality.ON_PREMISES", "guarded=False")],
        order=_scene("vllm-name-turns"),
    ),
    Guard(name="a redirect is an error", edits=[_REDIRECT], order=_scene("redirects-307"), leaks=False),
    Guard(
        name="nobody follows a redirect",
        edits=[_FOLLOW],
        test="tests/integration/ollama/test_faults.py::test_a_redirect_is_never_followed",
    ),
    Guard(
        name="all that stands between a redirect and the cloud",
        edits=[_REDIRECT, _FOLLOW, _SOCKET],
        order=_scene("redirects-307"),
    ),
    Guard(
        name="the session reads no environment",
        edits=[_ENVIRONMENT],
        order=_scene("ollama", proxy=True),
    ),
    Guard(name="the SDK's socket", edits=[_SOCKET], order=_scene("name-turns", transport="sdk")),
    Guard(
        name="a redirect of the SDK's is an error",
        edits=[_SDK_REDIRECT],
        order=_scene("redirects-307", transport="sdk"),
        leaks=False,
    ),
    Guard(name="the SDK follows no redirect", edits=[_SDK_FOLLOW], test="tests/unit/ollama/test_guards.py"),
    Guard(
        name="all that stands between a redirect of the SDK's and the cloud",
        edits=[_SDK_REDIRECT, _SDK_FOLLOW, _SOCKET],
        order=_scene("redirects-307", transport="sdk"),
    ),
    Guard(
        name="the SDK's session reads no environment",
        edits=[_ENVIRONMENT],
        order=_scene("ollama", proxy=True, transport="sdk"),
    ),
    Guard(
        name="the SDK reads no environment",
        edits=[Edit(f"{_OLLAMA}.sdk", "trust_env=False", "trust_env=True")],
        test="tests/unit/ollama/test_guards.py",
    ),
    Guard(
        name="an error holds none of the vendor's words",
        edits=[
            Edit(
                f"{_HTTP}.failures",
                "sends elsewhere (status {refusal.status})",
                "sends elsewhere ({refusal.body!r})",
            )
        ],
        order=_scene("redirects-307"),
        leaks=False,
    ),
    Guard(
        name="the process's own cache",
        edits=[Edit("application.cache_lookup", "if self._shared is None or secure", "if self._shared is None")],
        test="tests/unit/application/test_secure.py",
    ),
    Guard(
        name="flights of their own",
        edits=[Edit("application.cache_lookup", "self.use.mode, self.secure, patient)", "self.use.mode, patient)")],
        test="tests/unit/application/test_secure.py",
    ),
    Guard(
        name="a collector outside does not learn whose it was",
        edits=[Edit("adapters.outbound.telemetry.otlp", "if secure and CLIENT in told:", "if False:")],
        test="tests/unit/telemetry/test_tracing.py",
    ),
)
