"""GitHub workflows as people find them, really run: what they push, what they are kept from, what stays."""

import json
import secrets as random
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from checker.engine.connection import Engine
from checker.inspect import sarif
from checker.inspect.registry import RegistryClient
from checker.lab.workspace import Workspace
from checker.pipelines.github.audit import IN_LOG
from checker.pipelines.github.events import WorkflowEvent, pull_request_from_fork, push, push_tag
from checker.pipelines.github.runner import FOLDER, WorkflowOutcome, WorkflowRun, Workflows
from checker.pipelines.github.workplace import RunHub
from checker.programs import tools
from checker.sandbox import box as sandbox
from checker.stack.kinds.hub import HubView as HubView
from checker.stack.trials import Trials
from tests.helpers import BASE
from tests.pipelines import lay_out_app, make_vulnerable, names_in, running, somebody_elses_service, start_hub

pytestmark = pytest.mark.engine

PUBLISH = """
name: Docker Build and Push
on:
  push:
    branches: [main]
    tags: ['v*']
  pull_request:
    branches: [main]
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - name: Checkout code
        uses: actions/checkout@v3
      - name: Login to Docker Hub
        if: github.event_name != 'pull_request'
        uses: docker/login-action@v2
        with:
          username: ${{ secrets.DOCKERHUB_USERNAME }}
          password: ${{ secrets.DOCKERHUB_TOKEN }}
      - name: Build and push
        uses: docker/build-push-action@v4
        with:
          context: .
          push: ${{ github.event_name != 'pull_request' }}
          tags: |
            ada/shop:latest
            ada/shop:${{ github.ref_name }}
"""
SCAN = """
name: Security scan
on: [push, pull_request]
permissions:
  security-events: write
jobs:
  scan:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v3
      - name: Build image
        run: docker build -t ada/shop:${{ github.sha }} .
      - name: Run Trivy vulnerability scanner
        uses: aquasecurity/trivy-action@master
        with:
          image-ref: 'ada/shop:${{ github.sha }}'
          format: 'sarif'
          output: 'trivy-results.sarif'
      - name: Upload Trivy scan results
        uses: github/codeql-action/upload-sarif@v2
        if: always()
        with:
          sarif_file: 'trivy-results.sarif'
"""
STEPS = """
on: push
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
"""


@dataclass
class Project:
    """A workspace with an app, and a hub to publish it on."""

    engine: Engine
    path: Path
    hub: RunHub
    registry: RegistryClient
    token: str
    name: str
    made: set[str] = field(default_factory=set)

    def workflow(self, text: str, name: str = "it.yml") -> None:
        file = self.path / FOLDER / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("ada/shop", self.name))

    def steps(self, *scripts: str) -> None:
        """A workflow whose steps run these scripts."""
        lines = [f"      - run: |\n{textwrap.indent(script, ' ' * 10)}\n" for script in scripts]
        self.workflow(STEPS + "".join(lines))

    def on(self, event: WorkflowEvent, *, seconds: float = 120, token: str = "") -> WorkflowOutcome:
        secrets = {"DOCKERHUB_USERNAME": "ada", "DOCKERHUB_TOKEN": token or self.token}
        runner = Workflows(self.engine, Workspace(self.path), seconds=seconds)
        outcome = runner.run(event, self.hub, repository=self.name, secrets=secrets)
        self.made.update(name for run in outcome.runs for name in run.images)
        return outcome

    def run(self, event: WorkflowEvent = push("main"), **more: object) -> WorkflowRun:  # noqa: B008 - frozen
        (run,) = self.on(event, **more).runs  # type: ignore[arg-type]
        return run

    def tags(self) -> list[str]:
        return sorted(self.registry.tags(self.name))


@pytest.fixture(scope="module")
def hub(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], tuple[RunHub, HubView, str]]]:
    """Starts one hub for each test that asks."""
    tools.ensure(["act", "trivy"], print, may_install=True)
    with Trials(engine, tmp_path_factory.mktemp("hub")) as trials:

        def start() -> tuple[RunHub, HubView, str]:
            address, view, token = start_hub(trials)
            return RunHub(address), view, token

        yield start


@pytest.fixture(scope="module")
def shared(hub: Callable[[], tuple[RunHub, HubView, str]]) -> tuple[RunHub, HubView, str]:
    return hub()


@pytest.fixture
def project(engine: Engine, shared: tuple[RunHub, HubView, str], tmp_path: Path) -> Iterator[Project]:
    """A project; after the test nothing of it is in the engine, whoever else uses that."""
    lay_out_app(tmp_path, f"Welcome {tmp_path.name}\n")
    address, view, token = shared
    found = Project(engine, tmp_path, address, view.registry, token, f"ada/shop-{random.token_hex(4)}")
    yield found
    # By names of this test alone: others may be running pipelines on the same engine.
    names = names_in(engine)
    assert {name for name in names if found.name in name} | (names & found.made - {BASE}) == set()
    containers = engine.client.api.containers(all=True)
    assert [entry["Image"] for entry in containers if entry["Image"] in found.made] == []


def conclusions(run: WorkflowRun) -> dict[str, str]:
    return {step.name: step.conclusion for job in run.jobs for step in job.steps}


def test_a_tutorials_workflow_publishes_main_and_releases_and_no_branch(
    engine: Engine, hub: Callable[[], tuple[RunHub, HubView, str]], project: Project
) -> None:
    own, view, token = hub()
    project.hub, project.registry, project.token = own, view.registry, token
    project.workflow(PUBLISH)

    assert project.run(push("main")).succeeded
    assert project.tags() == ["latest", "main"]
    assert project.run(push_tag("v1.2.3")).succeeded
    assert project.tags() == ["latest", "main", "v1.2.3"]
    branch = project.on(push("feature/login"))

    assert branch.runs == ()
    assert branch.idle[f"{FOLDER}/it.yml"] == "Its filters in line 5 leave feature/login out."
    image = project.registry.image(project.name, "v1.2.3")
    assert image is not None
    assert b"Welcome" in b"".join(file.data for file in image.files() if file.path.endswith("index.html"))


def test_a_forks_pull_request_builds_pushes_nothing_and_sees_no_secret(project: Project) -> None:
    # On a pull request github.ref_name is 7/merge, which is no tag.
    project.workflow(PUBLISH.replace("github.ref_name", "github.sha"))
    before = project.tags()
    run = project.run(pull_request_from_fork())

    assert run.succeeded
    assert conclusions(run)["Login to Docker Hub"] == "skipped"
    assert project.tags() == before

    project.steps(
        'echo "secret: ${{ secrets.DOCKERHUB_TOKEN }}."; env\n'
        'cat "$HOME"/* /proc/*/environ 2>/dev/null | tr "\\0" "\\n"'
    )
    project.workflow((project.path / FOLDER / "it.yml").read_text().replace("on: push", "on: pull_request"))
    said = "\n".join(project.run(pull_request_from_fork()).output)

    assert "secret: ." in said
    assert project.token not in said


def test_a_tutorials_scan_uploads_sarif_of_the_image_it_built(project: Project) -> None:
    project.workflow(SCAN)
    make_vulnerable(project.path)

    for event in (push("main"), pull_request_from_fork()):
        run = project.run(event)
        assert run.succeeded, run
        (report,) = run.uploads
        assert sarif.problem(report.decode()) == ""
        found = json.loads(report)["runs"][0]
        assert "CVE-2019-11324" in {result["ruleId"] for result in found["results"]}
        assert found["properties"]["imageID"] in run.images.values()
        assert {concern.code for concern in run.concerns} == {"workflow-action-mutable"}


def test_a_token_that_nothing_is_said_about_may_not_upload(project: Project) -> None:
    project.workflow(SCAN.replace("permissions:\n  security-events: write\n", ""))

    run = project.run()
    assert run.uploads == ()
    assert "Resource not accessible by integration" in run.story("it")


def test_a_wrong_token_is_refused_by_the_registry(project: Project) -> None:
    project.workflow(PUBLISH)
    before = project.tags()
    run = project.run(token="not-the-token")

    assert conclusions(run) == {
        "Checkout code": "success",
        "Login to Docker Hub": "failure",
        "Build and push": "skipped",
    }
    job, step = run.failed or (None, None)
    assert job is not None
    assert step is not None
    assert step.line == 15
    assert "unauthorized" in " ".join(step.log).lower()
    assert project.tags() == before


@pytest.mark.parametrize("ref", ["v5", "v2", "main", "11bd71901bbe5b1630ceea73d27597364c9af683"])
def test_an_action_is_stood_in_for_at_any_ref(project: Project, ref: str) -> None:
    project.workflow(f"{STEPS}      - uses: actions/checkout@{ref}\n      - run: cat site/index.html\n")

    assert any("Welcome" in line for line in project.run().output)


def test_without_a_checkout_the_machine_is_empty(project: Project) -> None:
    project.steps('test -z "$(ls -A)" && echo empty')

    assert project.run().output == ("empty",)


def test_what_git_ignores_is_not_checked_out(project: Project) -> None:
    (project.path / ".gitignore").write_text("notes.txt\n")
    (project.path / "notes.txt").write_text("mine\n")
    project.workflow(f"{STEPS}      - uses: actions/checkout@v4\n      - run: ls -1\n")

    said = project.run().output
    assert "Dockerfile" in said
    assert "notes.txt" not in said


def test_an_endless_step_is_ended_with_what_it_started(project: Project) -> None:
    project.steps("echo begun", "setsid sleep 765 & sleep 765", "echo never")
    run = project.run(seconds=4)

    assert run.timed_out
    assert not run.succeeded
    first, _, last = run.jobs[0].steps
    assert (first.conclusion, first.log) == ("success", ("begun",))
    assert last.conclusion != "success"
    assert not running("sleep", "765")


@pytest.mark.skipif(not sandbox._sandbox(), reason="this machine allows no namespaces")
def test_a_step_reaches_the_hub_and_nothing_else(engine: Engine, project: Project, served: str) -> None:
    project.steps(
        f"curl -s -o /dev/null --write-out 'hub %{{http_code}}\\n' http://{project.hub.address}/v2/\n"
        f"curl --silent http://{served}/ || echo nobody\n"
        "ls /proc/[0-9]*/exe | wc --lines\n"
        "touch /etc/registry-lab-was-here || echo read-only\n"
        "docker ps --all --quiet | wc --lines\n"
        f"docker run --rm --network host {BASE} true || echo no network\n"
        f"docker run --rm --volume /:/host {BASE} true || echo no host\n"
        f"docker run --rm --privileged {BASE} true || echo no rights\n"
        f"docker rmi {BASE} || echo stays\n"
        "docker pull ghcr.io/some/thing || echo no internet\n"
    )
    run = project.run()
    said = [
        line for line in run.output if not line.startswith(("docker:", "Error", "Run '", "See '")) and line
    ]

    assert said[0] == "hub 401"
    assert said[1] == "nobody"
    assert int(said[2]) < 20
    assert [
        line for line in said if line in ("0", "no network", "no host", "no rights", "stays", "no internet")
    ] == [
        "0",
        "no network",
        "no host",
        "no rights",
        "stays",
        "no internet",
    ]
    assert not Path("/etc/registry-lab-was-here").exists()
    assert len(run.refused) == 5
    assert run.missing == ()
    assert engine.client.api.images(name=BASE)


@pytest.fixture
def served() -> Iterator[str]:
    """A service of this machine that is not the lab's."""
    with somebody_elses_service() as address:
        yield address


def test_docker_in_a_script_means_the_same_hub(project: Project) -> None:
    project.steps(
        "printf 'FROM %s\\nLABEL of=script\\n' " + BASE + " > Dockerfile\n"
        'printf %s "${{ secrets.DOCKERHUB_TOKEN }}" | docker login --username ada --password-stdin\n'
        "docker build --tag ada/shop:script .\n"
        "docker tag ada/shop:script docker.io/ada/shop:other\n"
        "docker push --all-tags ada/shop\n"
        "docker rmi ada/shop:script\n"
        "docker pull ada/shop:script\n"
        "DOCKER_BUILDKIT=1 docker buildx build --platform linux/amd64 --push --tag ada/shop:buildx .\n"
        "docker system prune --all --force\n"
    )

    run = project.run()
    assert run.succeeded, run
    assert {"buildx", "other", "script"} <= set(project.tags())


def test_a_job_has_neither_the_login_nor_the_images_of_another(project: Project) -> None:
    login = 'printf %s "${{ secrets.DOCKERHUB_TOKEN }}" | docker login --username ada --password-stdin'
    project.workflow(
        f"on: push\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n      - run: {json.dumps(login)}\n"
        f"      - run: docker tag {BASE} ada/shop:kept\n"
        "  two:\n    needs: one\n    runs-on: ubuntu-latest\n    steps:\n"
        "      - run: docker image inspect ada/shop:kept || echo no image\n"
        "      - run: cat $DOCKER_CONFIG/config.json || echo no login\n"
    )

    run = project.run()
    assert run.succeeded, run
    assert {"no image", "no login"} <= set(run.output)


def test_an_image_that_was_here_before_has_its_name_again(engine: Engine, project: Project) -> None:
    mine = engine.client.api.inspect_image(BASE)["Id"]  # type: ignore[no-untyped-call]
    engine.client.api.tag(BASE, "registry-lab-test/mine", "1")
    try:
        project.steps(
            "printf 'FROM %s\\nLABEL of=run\\n' "
            + BASE
            + " | docker build --tag registry-lab-test/mine:1 -\n"
            "docker rmi registry-lab-test/mine:1"
        )
        assert project.run().succeeded
        found = engine.client.api.inspect_image("registry-lab-test/mine:1")  # type: ignore[no-untyped-call]
        assert found["Id"] == mine
    finally:
        engine.client.api.remove_image("registry-lab-test/mine:1")


@pytest.mark.parametrize(
    ("tags", "event", "names"),
    [
        ("", push("main"), {"main"}),
        ("", push("feature/log+in"), {"feature-log-in"}),
        ("", push_tag("v1.2.3"), {"v1.2.3", "latest"}),
        ("", pull_request_from_fork(), {"pr-7"}),
        ("type=semver,pattern={{version}}\ntype=semver,pattern={{major}}.{{minor}}", push_tag("v1.2.3"),
         {"1.2.3", "1.2", "latest"}),
        ("type=semver,pattern={{version}}\ntype=semver,pattern={{major}}", push_tag("v2.0.0-rc.1"),
         {"2.0.0-rc.1"}),
        ("type=semver,pattern={{version}}", push("main"), set()),
        ("type=sha,format=short,prefix=", push("main"), {"SHA"}),
        ("type=raw,value=latest,enable={{is_default_branch}}", push("main"), {"latest"}),
        ("type=raw,value=latest,enable={{is_default_branch}}", push("feature/x"), set()),
        ("type=edge\nnightly", push("main"), {"edge", "nightly"}),
        (r"type=match,pattern=v(\d+),group=1", push_tag("v7.1"), {"7", "latest"}),
    ],
)  # fmt: skip
def test_metadata_makes_the_tags_that_it_documents(
    project: Project, tags: str, event: WorkflowEvent, names: set[str]
) -> None:
    told = f"          tags: |\n{textwrap.indent(tags, ' ' * 12)}\n" if tags else ""
    project.workflow(
        f"on: [push, pull_request]\n{STEPS.partition('on: push')[2]}      - uses: docker/metadata-action@v5\n"
        f"        id: meta\n        with:\n          images: ada/shop\n{told}"
        '      - run: echo "<$TAGS>" $GITHUB_SHA\n'
        "        env:\n          TAGS: ${{ steps.meta.outputs.tags }}\n"
    )

    run = project.run(event)
    printed = "\n".join(run.jobs[0].steps[1].log)
    made, _, sha = printed.partition("<")[2].rpartition("> ")
    wanted = {f"{project.name}:{sha[:7] if name == 'SHA' else name}" for name in names}
    assert run.succeeded, run
    assert set(filter(None, made.split("\n"))) == wanted


def test_a_step_that_prints_a_secret_is_told_in_whatever_form(project: Project) -> None:
    project.steps(
        'echo "${{ secrets.DOCKERHUB_TOKEN }}"',
        'printf %s "${{ secrets.DOCKERHUB_TOKEN }}" | base64 --wrap=0',
    )

    run = project.run()
    printed = [(concern.line, concern.observed) for concern in run.concerns if concern.code == IN_LOG]
    assert run.output[0] == project.token
    assert (7, "The step printed DOCKERHUB_TOKEN.") in printed
    assert (9, "The step printed DOCKERHUB_TOKEN in base64.") in printed
