"""The stand-ins of actions that need no engine: what they make of their inputs and of the event."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checker.pipelines.actions import artifact, metadata, sarif
from checker.pipelines.actions.build import REMOTE
from checker.pipelines.actions.common import ActionTask, Failed

SHA = "0123456789abcdef0123456789abcdef01234567"
MAIN, FEATURE, TAG, PULL = "refs/heads/main", "refs/heads/feature/x", "refs/tags/v1.2.3", "refs/pull/7/merge"
Make = Callable[..., ActionTask]


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a use of an action in a workspace of its own."""
    (tmp_path / "workspace").mkdir()
    (tmp_path / "uploads").mkdir()
    (tmp_path / "event.json").write_text(json.dumps({"repository": {"default_branch": "main"}}))
    config: dict[str, Any] = {
        "repository": "ada/shop", "source": str(tmp_path / "workspace"), "uploads": str(tmp_path / "uploads"),
        "notes": str(tmp_path / "notes"), "no_security_events": ["quiet"],
    }  # fmt: skip
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("GITHUB_SHA", SHA)
    monkeypatch.setenv("STANDIN_JOB", "build")
    monkeypatch.delenv("GITHUB_EVENT_NAME", raising=False)

    def make(ref: str = MAIN, **inputs: str) -> ActionTask:
        monkeypatch.setenv("GITHUB_REF", ref)
        return ActionTask(
            "some/action", config, {name.replace("_", "-"): value for name, value in inputs.items()}
        )

    return make


def outputs(folder: Path) -> dict[str, str]:
    """What was written for later steps, as a runner reads it."""
    found: dict[str, str] = {}
    lines = iter((folder / "output").read_text().splitlines())
    for line in lines:
        name, _, mark = line.partition("<<")
        found[name] = "\n".join(iter(lambda: next(lines), mark))
    return found


def tags(task: ActionTask) -> str:
    """The tags, and `latest` where it goes with them."""
    rules = [metadata.TagRule(line) for line in task.lines("tags", commas=False) or metadata.DEFAULTS]
    names, latest = metadata.tags_of(task, rules, metadata.Flavor(task))
    return " ".join([*names, *(["latest"] if latest else [])])


@pytest.mark.parametrize(
    ("ref", "lines", "expected"),
    [
        (MAIN, "", "main"),
        (FEATURE, "", "feature-x"),
        (TAG, "", "v1.2.3 latest"),
        (PULL, "", "pr-7"),
        (TAG, "type=semver,pattern={{version}}", "1.2.3 latest"),
        (TAG, "type=semver,pattern={{major}}.{{minor}}\ntype=semver,pattern={{version}}", "1.2 1.2.3 latest"),
        (TAG, "type=semver,pattern=v{{major}}", "v1 latest"),
        (TAG, "type=semver,pattern={{raw}}", "v1.2.3 latest"),
        (
            "refs/tags/v1.2.3-rc.1",
            "type=semver,pattern={{version}}\ntype=semver,pattern={{major}}",
            "1.2.3-rc.1",
        ),
        ("refs/tags/v1.2", "type=semver,pattern={{version}}", ""),
        ("refs/tags/nightly", "type=semver,pattern={{version}}", ""),
        (MAIN, "type=semver,pattern={{version}}", ""),
        (MAIN, "type=semver,pattern={{version}},value=v2.0.1", "2.0.1 latest"),
        ("refs/tags/1.2.3rc1", "type=pep440,pattern={{major}}", "1.2.3rc1"),
        ("refs/tags/1.2", "type=pep440,pattern={{version}}", "1.2 latest"),
        (TAG, r"type=match,pattern=v(\d+).(\d+),group=2", "2 latest"),
        (TAG, r"type=match,pattern=/\d+\.\d+/", "1.2 latest"),
        (TAG, "type=match,pattern=x", ""),
        (MAIN, "type=edge", "edge"),
        (FEATURE, "type=edge", ""),
        (FEATURE, "type=edge,branch=feature/x", "edge"),
        (TAG, "type=edge", ""),
        (MAIN, "type=sha", "sha-0123456"),
        (MAIN, "type=sha,format=long,prefix=", SHA),
        (MAIN, "type=raw,value=stable", "stable"),
        (MAIN, "stable", "stable"),
        (MAIN, "type=raw,value=latest,enable={{is_default_branch}}", "latest"),
        (FEATURE, "type=raw,value=latest,enable={{is_default_branch}}", ""),
        (FEATURE, "type=raw,value={{branch}}-{{sha}}", "feature-x-0123456"),
        (MAIN, "type=ref,event=branch,prefix=br-,suffix=-x", "br-main-x"),
        (PULL, "type=ref,event=pr,prefix=", "7"),
        (FEATURE, "type=ref,event=tag\ntype=ref,event=branch", "feature-x"),
        (MAIN, "type=sha\ntype=ref,event=branch\ntype=raw,value=main", "main sha-0123456"),
        # The tag of the highest priority alone decides about latest.
        (TAG, "type=raw,value=stable,priority=1000\ntype=semver,pattern={{version}}", "stable 1.2.3"),
        (TAG, "type=raw,value=stable\ntype=semver,pattern={{version}}", "1.2.3 stable latest"),
        (TAG, "type=sha\ntype=ref,event=tag", "v1.2.3 sha-0123456 latest"),
        (MAIN, "type=schedule", ""),
    ],
)
def test_rules_make_the_tags_that_are_documented(task: Make, ref: str, lines: str, expected: str) -> None:
    assert tags(task(ref, tags=lines)) == expected


@pytest.mark.parametrize(
    ("flavor", "ref", "expected"),
    [
        ("latest=true", MAIN, "main latest"),
        ("latest=false", TAG, "v1.2.3"),
        ("latest=auto", TAG, "v1.2.3 latest"),
        ("prefix=x-", MAIN, "x-main"),
        ("suffix=-alpine,onlatest=true", TAG, "v1.2.3-alpine latest-alpine"),
        ("suffix=-alpine", TAG, "v1.2.3-alpine latest"),
        ("prefix=a-\nlatest=true", MAIN, "a-main latest"),
    ],
)
def test_a_flavor_is_of_all_tags(task: Make, tmp_path: Path, flavor: str, ref: str, expected: str) -> None:
    metadata.run(task(ref, images="Ada/Shop", flavor=flavor))
    names = [f"ada/shop:{name}" for name in expected.split()]
    assert outputs(tmp_path)["tags"].splitlines() == names
    assert outputs(tmp_path)["tag-names"].split() == expected.split()
    assert outputs(tmp_path)["version"] == expected.split()[0]
    assert json.loads(outputs(tmp_path)["json"])["tags"] == names


def test_a_run_by_the_clock_is_the_nightly_one(task: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_EVENT_NAME", "schedule")
    assert tags(task(MAIN)) == "nightly main"
    assert tags(task(MAIN, tags="type=schedule,pattern=weekly")) == "weekly"


def test_every_image_gets_every_tag_and_labels_say_where_it_is_from(task: Make, tmp_path: Path) -> None:
    metadata.run(
        task(
            MAIN, images="ada/shop\nname=ghcr.io/ada/shop,enable=true\nname=ada/off,enable=false",
            tags="type=ref,event=branch\ntype=sha", labels="maintainer=Ada, L.", sep_tags=",",
        )
    )  # fmt: skip
    found = outputs(tmp_path)
    assert found["tags"].split(",") == [
        "ada/shop:main", "ada/shop:sha-0123456", "ghcr.io/ada/shop:main", "ghcr.io/ada/shop:sha-0123456"
    ]  # fmt: skip
    assert {"maintainer=Ada, L.", f"org.opencontainers.image.revision={SHA}"} <= set(
        found["labels"].splitlines()
    )
    assert "org.opencontainers.image.version=main" in found["labels"].splitlines()


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"tags": "type=branch"}, "Unknown tag type"),
        ({"tags": "type=semver"}, "Missing pattern"),
        ({"tags": "type=match"}, "Missing pattern"),
        ({"tags": "type=ref,event=push"}, "event attribute"),
        ({"tags": "type=raw,value={{nonsense}}"}, "Unknown expression"),
        ({"flavor": "latest=maybe"}, "latest"),
        ({"flavor": "colour=red"}, "Unknown flavor"),
    ],
)
def test_what_the_action_does_not_know_fails_the_step(task: Make, inputs: dict[str, str], says: str) -> None:
    with pytest.raises(Failed, match=says):
        metadata.run(task(TAG, images="ada/shop", **inputs))


@pytest.mark.parametrize(("value", "flag"), [("true", True), ("TRUE", True), ("false", False), ("", False)])
def test_a_switch_is_true_or_false_and_nothing_else(task: Make, value: str, flag: bool) -> None:
    assert task(push=value).flag("push") is flag
    with pytest.raises(Failed, match="true or false"):
        task(push="yes").flag("push")


def test_lists_are_lines_or_fields_between_commas(task: Make) -> None:
    given = task(tags='a,b\n\n "c,d",e \n')
    assert given.lines("tags") == ["a", "b", "c,d", "e"]
    assert given.lines("tags", commas=False) == ["a,b", '"c,d",e']
    assert given.lines("none") == []


def test_an_output_of_several_lines_stays_one_output(task: Make, tmp_path: Path) -> None:
    task().output("text", "a\nEOF\nother=b")
    task().output("next", "c")
    assert outputs(tmp_path) == {"text": "a\nEOF\nother=b", "next": "c"}


# ------------------------------------------------------------------------------------------- artifacts
@pytest.mark.parametrize(
    ("path", "files"),
    [
        ("report.html", ["report.html"]),
        ("./report.html", ["report.html"]),
        ("out/*.txt", ["out/a.txt", "out/b.txt"]),
        ("out/", ["out"]),
        ("nothing.txt\nreport.html", ["report.html"]),
        ("{workspace}/report.html", ["report.html"]),
        ("{workspace}/out/*.txt", ["out/a.txt", "out/b.txt"]),
    ],
)
def test_files_of_an_artifact_are_found_and_noted(
    task: Make, tmp_path: Path, path: str, files: list[str]
) -> None:
    workspace = tmp_path / "workspace"
    (workspace / "out").mkdir()
    for name in ("report.html", "out/a.txt", "out/b.txt"):
        (workspace / name).write_text("x")
    artifact.run(task(path=path.format(workspace=workspace), name="all"))
    (note,) = map(json.loads, (tmp_path / "notes").read_text().splitlines())
    assert (note["kind"], note["name"], note["files"], note["job"]) == ("artifact", "all", files, "build")


def test_no_files_are_a_warning_unless_the_step_says_otherwise(
    task: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact.run(task(path="nothing.txt"))
    assert "::warning::No files were found" in capsys.readouterr().out
    assert not (tmp_path / "notes").exists()
    with pytest.raises(Failed, match="No files"):
        artifact.run(task(path="nothing.txt", if_no_files_found="error"))


# ----------------------------------------------------------------------------------------------- SARIF
@pytest.mark.parametrize(
    ("context", "name", "ref", "folder"),
    [
        ("https://github.com/ada/shop.git", "ada/shop", None, None),
        ("https://github.com/ada/shop", "ada/shop", None, None),
        ("https://github.com/ada/shop.git#main", "ada/shop", "main", None),
        ("https://github.com/ada/shop.git#refs/tags/v1.2:app/web", "ada/shop", "refs/tags/v1.2", "app/web"),
        ("https://github.com/ada/my.shop.git#:app", "ada/my.shop", "", "app"),
        ("https://x-access-token:t@github.com/ada/shop.git#main", "ada/shop", "main", None),
        ("git@github.com:ada/shop.git#main:app", "ada/shop", "main", "app"),
    ],
)
def test_a_context_of_git_names_a_repository(
    context: str, name: str, ref: str | None, folder: str | None
) -> None:
    found = REMOTE.match(context)
    assert found is not None
    assert (found["name"], found["ref"], found["folder"]) == (name, ref, folder)


@pytest.mark.parametrize("context", ["app", "./github.com", "https://example.org/ada/shop.git", "."])
def test_other_contexts_are_of_no_repository_of_github(context: str) -> None:
    assert REMOTE.match(context) is None


def test_sarif_files_are_taken_in_one_by_one(task: Make, tmp_path: Path) -> None:
    place = tmp_path / "workspace" / "results"
    place.mkdir()
    for name in ("b.sarif", "a.sarif"):
        (place / name).write_text(json.dumps({"version": "2.1.0", "runs": [], "name": name}))
    (place / "c.json").write_text("{}")
    given = task()
    given.inputs = {"sarif_file": "results", "category": "trivy"}
    sarif.run(given)
    notes = [json.loads(line) for line in (tmp_path / "notes").read_text().splitlines()]
    assert [(note["source"], note["category"]) for note in notes] == [
        ("a.sarif", "trivy"),
        ("b.sarif", "trivy"),
    ]
    assert json.loads((tmp_path / "uploads" / notes[1]["file"]).read_text())["name"] == "b.sarif"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no SARIF file"),
        ("[]", "no SARIF file"),
        ('{"version": "2.1.0"}', "no SARIF file"),
        ('{"version": "2.0.0", "runs": []}', "not of version"),
        ('{"version": "2.1.0", "runs": {}}', "not of version"),
        (None, "Path does not exist"),
    ],
)
def test_what_github_would_refuse_is_refused(task: Make, tmp_path: Path, text: str | None, says: str) -> None:
    if text is not None:
        (tmp_path / "workspace" / "it.sarif").write_text(text)
    given = task()
    given.inputs = {"sarif_file": "it.sarif"}
    with pytest.raises(Failed, match=says):
        sarif.run(given)
    assert list((tmp_path / "uploads").iterdir()) == []


def test_a_job_without_the_permission_uploads_nothing(task: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN_JOB", "quiet")
    with pytest.raises(Failed, match="security-events"):
        sarif.run(task())
