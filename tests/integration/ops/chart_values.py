"""What the chart of ops/helm is rendered with: its values files, values of tests, and such as have to be refused."""

import re
from typing import Any

from .files import OPS, ROOT, read_yaml

CHART = OPS / "helm" / "llm-gateway"
FILES: dict[str, dict[str, Any]] = {path.stem: read_yaml(path) for path in sorted(CHART.glob("values*.yaml"))}
"""By their names. What one does not state is taken from `values`."""


def _of_the_page() -> dict[str, Any]:
    """What the command of docs/operations.md sets."""
    values: dict[str, Any] = {}
    for path, key, value in re.findall(r"--set (\w+)\.(\w+)=(\S+)", (ROOT / "docs" / "operations.md").read_text()):
        values.setdefault(path, {})[key] = value
    return values


REDIS = {"REDIS_URL": {"name": "shared", "key": "url"}}
OWN: dict[str, dict[str, Any]] = {
    "the page's command": _of_the_page(),
    "numbers and switches": {"env": {"MAX_BODY_BYTES": 268435456, "OLLAMA_DOOR": True, "OLLAMA_MODEL": "a: 'b'"}},
    "a long drain": {"drainSeconds": 90},
    "many answers": {"autoscaling": {"enabled": True, "answersUnderWay": 2_000_000}, "secretEnv": REDIS},
    "named hosts": {"allowedHosts": ["gateway.example"]},
    "a policy that states nothing": {"networkPolicy": {"enabled": True}},
    "no budget": {"podDisruptionBudget": {"enabled": False}},
    "all that may be stated": {
        "image": {"repository": "registry.example/gateway", "tag": "1.2.3", "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "registry"}],
        "configSecret": "gateway",
        "service": {"type": "LoadBalancer", "port": 8080},
        "podDisruptionBudget": {"maxUnavailable": "25%"},
        "networkPolicy": {"enabled": True, "from": [{"podSelector": {}}], "egress": [{"to": [{"podSelector": {}}]}]},
        "serviceMonitor": {"enabled": True, "interval": "1m"},
        "volumes": [{"name": "ca", "configMap": {"name": "authorities"}}],
        "volumeMounts": [{"name": "ca", "mountPath": "/etc/authorities", "readOnly": True}],
        "podAnnotations": {"example.org/team": "ward"},
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    },
}
FAULTY: dict[str, dict[str, Any]] = {
    "an object that Kubernetes does not know so": {"volumes": [{"name": "ca", "hostPth": {"path": "/etc/ssl"}}]},
    "a duration that the operator does not know so": {"serviceMonitor": {"enabled": True, "interval": "1s1s"}},
}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a key that is none": ({"replicas": 2}, "'replicas' not allowed"),
    "a key below that is none": ({"image": {"name": "gateway"}}, "'name' not allowed"),
    "a tag that moves": ({"image": {"tag": "latest"}}, "/image/tag"),
    "a secret as text": ({"env": {"GEMINI_API_KEY": "abc"}}, "GEMINI_API_KEY"),
    "a secret as text in the place of a reference": ({"secretEnv": {"API_KEYS": "abc"}}, "/secretEnv/API_KEYS"),
    "a reference without a key": ({"secretEnv": {"GEMINI_API_KEY": {"name": "gateway"}}}, "missing property 'key'"),
    "a variable that another value sets": ({"env": {"DRAIN_SECONDS": 60}}, "DRAIN_SECONDS"),
    "a variable in small letters": ({"env": {"ollama_model": "a"}}, "ollama_model"),
    "a drain that the gateway refuses": ({"drainSeconds": 3601}, "/drainSeconds"),
    "workers that count for themselves": ({"workers": 2}, "needs REDIS_URL"),
    "replicas that count for themselves": ({"replicaCount": 2}, "needs REDIS_URL"),
    "scaling that counts for itself": ({"autoscaling": {"enabled": True}}, "needs REDIS_URL"),
    "nobody who could ask": ({"secretEnv": {"API_KEYS": None}}, "no client could ask"),
    "two files of one name": ({"config": "port = 1", "configSecret": "gateway"}, "only one of them"),
    "more at least than at most": (
        {"autoscaling": {"enabled": True, "minReplicas": 11}, "secretEnv": REDIS},
        "maxReplicas is less",
    ),
}
