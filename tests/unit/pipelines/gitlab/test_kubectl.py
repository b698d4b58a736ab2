"""The cluster of a pipeline: as small as a folder, with the real kubectl at work."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.pipelines.gitlab.deploy import Cluster, DeployedContainer

Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]
WHOLE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: prod}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
        - {name: shop, image: "shop:1"}
        - {name: log, image: "log:1"}
"""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec: {selector: {app: shop}, ports: [{port: 80}]}\n"
PATCH = '{"spec": {"template": {"spec": {"containers": [{"name": "shop", "image": "shop:2"}]}}}}'


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path / "cluster")


@pytest.fixture
def kubectl(cluster: Cluster, tmp_path: Path) -> Kubectl:
    """`kubectl` as a job calls it, beside a manifest and a folder of them; nothing is deployed yet."""
    folder = tmp_path / "source"
    (folder / "k8s").mkdir(parents=True)
    (folder / "all.yaml").write_text(WHOLE)
    (folder / "k8s" / "deployment.yaml").write_text(WHOLE)
    (folder / "k8s" / "service.yml").write_text(SERVICE)
    (folder / "k8s" / "README.md").write_text("no: manifest")
    (folder / "kustomized").mkdir()
    (folder / "kustomized" / "all.yaml").write_text(WHOLE)
    (folder / "kustomized" / "kustomization.yaml").write_text("resources: [all.yaml]\nnameSuffix: -blue\n")

    def run(*words: str, text: str = "") -> "subprocess.CompletedProcess[str]":
        environment = {"PATH": f"{cluster.bin}:{os.environ['PATH']}", "HOME": str(tmp_path)}
        return subprocess.run(
            ["kubectl", *words], cwd=folder, input=text, env=environment, capture_output=True, text=True,
            timeout=30, check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def deployed(kubectl: Kubectl) -> Kubectl:
    """The same with the manifest applied."""
    assert kubectl("apply", "-f", "all.yaml").returncode == 0
    return kubectl


def image(cluster: Cluster) -> str:
    return next((each.image for each in cluster.containers() if each.name == "shop"), "")


@pytest.mark.parametrize(
    "words",
    [
        "apply -f all.yaml",
        "apply --filename=all.yaml",
        "apply -f=all.yaml --record",
        "apply -fall.yaml",
        "-n prod apply -f all.yaml --wait",
        "--namespace=prod --context x apply -f all.yaml",
        "apply -f k8s",
        "apply -f k8s/service.yml,all.yaml",
        "apply -f k8s/service.yml -f all.yaml",
        "create -f all.yaml",
        "apply -f -",
    ],
)
def test_manifests_are_taken_up_in_every_way_to_name_them(
    cluster: Cluster, kubectl: Kubectl, words: str
) -> None:
    done = kubectl(*words.split(), text=WHOLE)
    assert done.returncode == 0, done.stderr
    shown = [(each.workload, each.name, each.image) for each in cluster.containers()]
    assert shown == [("deployment/shop", "log", "log:1"), ("deployment/shop", "shop", "shop:1")]


def test_a_folder_for_kustomize_is_built_by_it(cluster: Cluster, kubectl: Kubectl) -> None:
    assert kubectl("apply", "-k", "kustomized").returncode == 0
    assert cluster.containers()[0].workload == "deployment/shop-blue"


@pytest.mark.parametrize(
    "words",
    [
        ["set", "image", "deployment/shop", "shop=shop:2"],
        ["set", "image", "deployment", "shop", "shop=shop:2"],
        ["set", "image", "deploy/shop", "shop=shop:2", "--record"],
        ["set", "image", "deployments.apps/shop", "log=log:2", "shop=shop:2"],
        ["-n", "prod", "set", "image", "deployment/shop", "shop=shop:2"],
        ["set", "image", "--namespace", "prod", "deployment/shop", "shop=shop:2"],
        ["set", "image", "deployment/shop", "shop=shop:2", "-o", "name"],
        ["set", "image", "-f", "all.yaml", "shop=shop:2"],
        ["patch", "deployment", "shop", "-p", PATCH],
        ["patch", "-p", PATCH, "deployment", "shop"],
        ["patch", "deployment/shop", "--type", "strategic", f"--patch={PATCH}"],
        [
            "patch",
            "deployment/shop",
            "--type=json",
            '-p=[{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "shop:2"}]',
        ],
    ],
)
def test_an_image_is_set_in_every_way_to_say_it(
    cluster: Cluster, deployed: Kubectl, words: list[str]
) -> None:
    done = deployed(*words)
    assert done.returncode == 0, done.stderr
    assert image(cluster) == "shop:2"


@pytest.mark.parametrize(
    "words",
    [
        "set image deployment/shop nope=shop:2",
        "set image deployment/other shop=shop:2",
        "set image shop shop=shop:2",
        "set image deployment/shop",
        "set image deployment/../shop shop=shop:2",
        "set image statefulset/shop shop=shop:2",
        "apply -f nowhere.yaml",
        "apply",
        "create -f all.yaml",
        "replace -f k8s/service.yml",
        "rollout status deployment/other",
        "rollout undo deployment/shop",
        "get deployment other",
        "delete deployment other",
        "scale deployment/shop --replicas=2",
        "exec deployment/shop -- true",
        "logs deployment/shop",
        "nonsense",
    ],
)
def test_what_a_cluster_would_refuse_or_this_one_has_not_fails_and_changes_nothing(
    cluster: Cluster, deployed: Kubectl, words: str
) -> None:
    before = cluster.containers()
    done = deployed(*words.split())
    assert done.returncode != 0
    assert done.stderr.strip()
    assert cluster.containers() == before


@pytest.mark.parametrize(
    "words",
    [
        "set image deployment/shop shop=shop:2 --dry-run=server",
        "set image deployment/shop shop=shop:2 --dry-run=client",
        "set image deployment/shop shop=shop:2 --dry-run=client -o yaml",
        "set image --local -f all.yaml shop=shop:2 -o yaml",
        "apply -f - --dry-run=server",
        "apply -f - --dry-run=client -o yaml",
        "delete deployment/shop --dry-run=client",
    ],
)
def test_what_is_only_tried_is_said_and_not_kept(cluster: Cluster, deployed: Kubectl, words: str) -> None:
    before = cluster.containers()
    done = deployed(*words.split(), text=WHOLE.replace("shop:1", "shop:2"))
    assert done.returncode == 0, done.stderr
    assert ("shop:2" in done.stdout) is ("yaml" in words.split()[-1])
    assert cluster.containers() == before


def test_a_manifest_changed_on_its_way_arrives(cluster: Cluster, deployed: Kubectl) -> None:
    changed = deployed("set", "image", "--local", "-f", "all.yaml", "shop=shop:3", "-o", "yaml").stdout
    assert deployed("apply", "-f", "-", text=changed).returncode == 0
    assert image(cluster) == "shop:3"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["get", "deployment", "shop", "-o", "jsonpath={.spec.template.spec.containers[0].image}"], "shop:1"),
        (["get", "deployment/shop", "-ojsonpath={.metadata.name}"], "shop"),
        (["get", "-o", "name", "deployment/shop"], "deployment.apps/shop\n"),
        (["get", "deployment/shop", "-o", "wide"], "deployment.apps/shop\n"),
        (["get", "deployments"], "deployment.apps/shop\n"),
        (["get", "all"], "deployment.apps/shop\n"),
        (["get", "-f", "all.yaml"], "deployment.apps/shop\n"),
        (["get", "pods", "-l", "app=shop"], ""),
        (["rollout", "status", "deployment/shop"], 'deployment "shop" successfully rolled out\n'),
        (
            ["rollout", "status", "--timeout", "60s", "deploy", "shop"],
            'deployment "shop" successfully rolled out\n',
        ),
        (["rollout", "restart", "deployment/shop"], 'deployment "shop" restarted\n'),
        (["wait", "--for", "condition=available", "deployment/shop"], 'deployment "shop" condition met\n'),
        (["annotate", "deployment/shop", "example.com/why=it"], "deployment/shop annotated\n"),
        (["set", "env", "deployment/shop", "A=b"], "deployment/shop env updated\n"),
        (["config", "use-context", "lab"], ""),
    ],
)
def test_what_is_deployed_can_be_looked_at(deployed: Kubectl, words: list[str], shown: str) -> None:
    done = deployed(*words)
    assert (done.returncode, done.stdout) == (0, shown), done.stderr


def test_what_was_deleted_can_be_created_again(cluster: Cluster, deployed: Kubectl) -> None:
    assert deployed("delete", "-f", "all.yaml").returncode == 0
    assert cluster.containers() == ()
    assert deployed("delete", "deploy", "shop", "--ignore-not-found").returncode == 0
    assert deployed("create", "-f", "all.yaml").returncode == 0
    assert image(cluster) == "shop:1"


# --------------------------------------------------------------------------------- what the checker sees
def test_what_kubectl_says_against_a_manifest_is_handed_on(cluster: Cluster, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(WHOLE)
    bad.write_text("apiVersion: apps/v2\nkind: Deploiment\nmetadata: {name: x}\n")
    assert cluster.take([good]) == ""
    assert "Deploiment" in cluster.take([bad])
    assert image(cluster) == "shop:1"


@pytest.mark.parametrize(
    ("kind", "right", "wrong", "found"),
    [
        ("Deployment", "{app: shop}", "{app: shop}", ()),
        ("Deployment", "{app: shop}", "{app: shop, tier: web}", ()),
        ("Deployment", "{app: shop}", "{app: stop}", ("deployment/shop",)),
        ("StatefulSet", "{app: shop}", "{}", ("statefulset/shop",)),
        ("Deployment", "{}", "{app: shop}", ("deployment/shop",)),
    ],
)
def test_a_selector_that_does_not_find_its_pods_is_told(
    cluster: Cluster, kubectl: Kubectl, kind: str, right: str, wrong: str, found: tuple[str, ...]
) -> None:
    text = WHOLE.replace("kind: Deployment", f"kind: {kind}")
    text = text.replace("matchLabels: {app: shop}", f"matchLabels: {right}").replace(
        "labels: {app: shop}", f"labels: {wrong}"
    )
    assert kubectl("apply", "-f", "-", text=text).returncode == 0
    assert cluster.unselected() == found


def test_a_job_needs_no_selector_and_a_pod_is_its_own_template(cluster: Cluster, kubectl: Kubectl) -> None:
    pod = "{containers: [{name: it, image: 'tool:1'}], restartPolicy: Never}"
    job = f"apiVersion: batch/v1\nkind: Job\nmetadata: {{name: once}}\nspec: {{template: {{spec: {pod}}}}}\n"
    alone = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: alone}}\nspec: {pod}\n"
    assert kubectl("apply", "-f", "-", text=f"{job}---\n{alone}").returncode == 0
    assert cluster.unselected() == ()
    assert cluster.containers() == (
        DeployedContainer("job/once", "it", "tool:1"),
        DeployedContainer("pod/alone", "it", "tool:1"),
    )


def test_files_that_kubectl_did_not_write_do_no_harm(
    cluster: Cluster, deployed: Kubectl, tmp_path: Path
) -> None:
    before = cluster.containers()
    objects = tmp_path / "cluster" / "objects"
    name = {"metadata": {"name": "x"}}
    for number, entry in enumerate(
        [
            {},
            [],
            {"kind": "Pod"},
            {**name, "kind": 3},
            {**name, "kind": "Deployment", "spec": "text"},
            {**name, "kind": "Service", "spec": {"template": "text"}},
            {**name, "kind": "Job", "spec": {"template": {"spec": {"containers": ["text", 3]}}}},
            {**name, "kind": "Job", "spec": {"template": {"spec": {"containers": 3}}}},
        ]
    ):
        (objects / f"a{number}.json").write_text(json.dumps(entry))
    (objects / "b.json").write_text("[" * 100_000)
    (objects / "c.json").mkdir()
    os.mkfifo(objects / "d.json")
    assert cluster.containers() == before
    assert cluster.unselected() == ("deployment/x",)
