"""ops/helm: rendered by Helm's engine and held to the schemas of Kubernetes, for every values file and for faults."""

import pytest

from .chart import releases
from .chart_values import FILES, OWN, REFUSED

pytestmark = pytest.mark.external("charts")
EACH = pytest.mark.parametrize("name", FILES)


@EACH
def test_a_values_file_makes_objects_without_a_fault(name: str) -> None:
    release = releases()[name]
    assert (release.refused, release.lint, release.faults) == (None, (), ())
    assert {"Deployment", "Service", "PodDisruptionBudget"} <= release.kinds()
    assert "port-forward service/gateway-llm-gateway" in release.notes


@pytest.mark.parametrize("name", OWN)
def test_other_values_make_objects_without_a_fault(name: str) -> None:
    release = releases()[name]
    assert (release.refused, release.lint, release.faults) == (None, (), ())


def test_what_is_stated_for_the_pods_gets_there() -> None:
    stated, pod = OWN["all that may be stated"], releases()["all that may be stated"].pod
    same = ("imagePullSecrets", "nodeSelector", "tolerations", "affinity")
    assert {name: pod[name] for name in same} == {name: stated[name] for name in same}
    assert stated["volumes"][0] in pod["volumes"]
    (container,) = pod["containers"]
    assert stated["volumeMounts"][0] in container["volumeMounts"]
    assert (container["image"], container["imagePullPolicy"]) == ("registry.example/gateway:1.2.3", "Always")
    deployment = releases()["all that may be stated"].one("Deployment")
    assert stated["podAnnotations"].items() <= deployment["spec"]["template"]["metadata"]["annotations"].items()
    assert "PodDisruptionBudget" not in releases()["no budget"].kinds()


def test_every_kind_of_object_is_in_some_values_file() -> None:
    made = set().union(*(releases()[name].kinds() for name in FILES))
    assert made == {
        *("Deployment", "Service", "PodDisruptionBudget", "ConfigMap"),
        *("HorizontalPodAutoscaler", "ServiceMonitor", "NetworkPolicy"),
    }
    assert releases()["values"].kinds() == {"Deployment", "Service", "PodDisruptionBudget"}


def test_the_command_of_the_page_makes_a_gateway_with_a_provider() -> None:
    release = releases()["the page's command"]
    assert release.container["image"].startswith("registry.example/llm-gateway:")
    assert release.variables["OLLAMA_BASE_URL"] == "http://ollama:11434"


def test_the_schemas_find_what_is_wrong() -> None:
    assert "hostPth" in "".join(releases()["an object that Kubernetes does not know so"].faults)
    assert "interval" in "".join(releases()["a duration that the operator does not know so"].faults)


@pytest.mark.parametrize("name", REFUSED)
def test_values_that_would_fail_later_are_refused(name: str) -> None:
    assert REFUSED[name][1] in (releases()[name].refused or "")


@EACH
def test_a_pod_is_sealed(name: str) -> None:
    pod, container = releases()[name].pod, releases()[name].container
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is pod["enableServiceLinks"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod)
    assert "memory" in container["resources"]["limits"]
    assert not container["image"].endswith((":", ":latest"))


@EACH
def test_labels_lead_to_the_pods(name: str) -> None:
    release = releases()[name]
    deployment = release.one("Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == release.one("Service")["spec"]["selector"] == labels
    budget = release.one("PodDisruptionBudget")["spec"]
    assert (budget["selector"]["matchLabels"], budget["maxUnavailable"]) == (labels, 1)
    if "NetworkPolicy" in release.kinds():
        assert release.one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == labels
    if "ServiceMonitor" in release.kinds():
        wanted = release.one("ServiceMonitor")["spec"]["selector"]["matchLabels"].items()
        assert wanted <= release.one("Service")["metadata"]["labels"].items()


def test_a_scaled_release_leaves_the_number_of_pods_to_the_autoscaler() -> None:
    scaled = releases()["values-scaled"]
    assert "replicas" not in scaled.one("Deployment")["spec"]
    assert releases()["values"].one("Deployment")["spec"]["replicas"] == 1
    assert scaled.one("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"] == "gateway-llm-gateway"
    assert scaled.variables["EXPECTED_REPLICAS"] == "12"
    (metric,) = releases()["many answers"].one("HorizontalPodAutoscaler")["spec"]["metrics"]
    assert metric["pods"]["target"]["averageValue"] == "2000000"


def test_a_secure_release_has_no_way_out_of_the_cluster() -> None:
    spec = releases()["values-secure"].one("NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert [[port["port"] for port in rule["ports"]] for rule in spec["egress"]] == [[11434], [53, 53]]
    peers = [peer for rule in spec["egress"] for peer in rule["to"]]
    assert all("podSelector" in peer and "ipBlock" not in peer for peer in peers)
    assert all(rule["from"] for rule in spec["ingress"])


def test_a_policy_that_states_nothing_lets_nothing_through() -> None:
    spec = releases()["a policy that states nothing"].one("NetworkPolicy")["spec"]
    assert {"ingress", "egress"}.isdisjoint(spec)
    assert spec["policyTypes"] == ["Ingress", "Egress"]


def test_prometheus_sends_the_token_that_guards_the_metrics() -> None:
    (endpoint,) = releases()["values-scaled"].one("ServiceMonitor")["spec"]["endpoints"]
    assert (
        endpoint["authorization"]["credentials"]
        == releases()["values-scaled"].variables["METRICS_TOKEN"]["secretKeyRef"]
    )


def test_numbers_and_switches_arrive_as_they_are_written() -> None:
    release = releases()["numbers and switches"]
    assert {name: release.variables[name] for name in OWN["numbers and switches"]["env"]} == {
        "MAX_BODY_BYTES": "268435456",
        "OLLAMA_DOOR": "true",
        "OLLAMA_MODEL": "a: 'b'",
    }


def test_pods_begin_anew_where_their_file_changes() -> None:
    sums = {
        releases()[name].one("Deployment")["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        for name in ("values", "values-scaled")
    }
    assert len(sums) == 2
