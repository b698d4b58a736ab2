"""Checks of lab 01. They look at the registry, the engine and the workspace, and change none of them.

Two names are the same image if their image IDs (the digest of the image's configuration) are equal.
That holds for `docker push`, for a manifest copied with curl and for an index wrapped round it by
`docker buildx imagetools`, while any rebuild gives another ID.
"""

import base64
import json
import os
import re
import tomllib
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest

import composefile
from checker.base.errors import ContentFault
from checker.check import fail, step
from checker.findings.tagnames import beside
from checker.inspect.engineview import EngineView
from checker.inspect.layerfiles import LayerFile
from checker.inspect.probe import Probe, ProbeAnswer, behaviour
from checker.inspect.reference import Digested, InvalidReference, Tagged, parse
from checker.inspect.registry import RegistryClient
from checker.inspect.registryimage import RegistryImage
from checker.lab.values import fill
from checker.lab.workspace import Workspace

Values = Mapping[str, str]

TOOLCHAIN = "registry-lab/cc:1"
SMALL_BASE = "registry-lab/busybox:1"
UNZIPPED = 64 * 1024 * 1024
"""Bytes of a compressed file that are looked at."""
REVISION = "org.opencontainers.image.revision"
ENVIRONMENTS = ("dev", "staging", "production")
COMPOSE_FILE = "deploy/compose.yaml"


@dataclass(frozen=True)
class Shelf:
    """The learner's repository in the registry. `tags` is what it held when the checks began."""

    registry: RegistryClient
    name: str
    tags: tuple[str, ...]

    def image(self, reference: str) -> RegistryImage | None:
        """Return the image behind a tag or digest; None if what is there is no image."""
        try:
            image = self.registry.image(self.name, reference)
            readable = bool(image and image.document)
        except ContentFault:
            return None
        return image if readable else None

    def id(self, reference: str) -> str | None:
        """Return the image ID behind a tag or digest; None if there is no image."""
        image = self.image(reference)
        return image.config_digest if image else None

    def releases(self, line: str, least: str) -> list[str]:
        """Full version tags from `least` on that belong to the line `X.Y`, `X` or `latest`."""
        found = [tag for tag in self.tags if (number := version(tag)) and number >= (version(least) or ())]
        return [tag for tag in found if line == "latest" or tag.startswith(f"{line}.")]

    def held(self, tags: Iterable[str] | None = None) -> str:
        """Return which digest has which tags, as a sentence's middle."""
        by_digest: dict[str, list[str]] = {}
        for tag in self.tags if tags is None else tags:
            if tag in self.tags:
                by_digest.setdefault(self.registry.digest(self.name, tag) or "nothing", []).append(tag)
        return (
            "; ".join(f"{short(digest)} has {listed(names)}" for digest, names in by_digest.items())
            or "no tags"
        )


@pytest.fixture(scope="session")
def shelf(registry: RegistryClient, values: Values) -> Shelf:
    name = f"{values['TEAM']}/{values['APP']}"
    return Shelf(registry, name, tuple(registry.tags(name)))


def version(tag: str) -> tuple[int, ...] | None:
    """Return the numbers of a full version `X.Y.Z`; None for any other tag."""
    return tuple(map(int, tag.split("."))) if re.fullmatch(r"\d+\.\d+\.\d+", tag, re.ASCII) else None


def lines(full: str) -> tuple[str, str, str]:
    """Return the tags that follow a full version: `X.Y`, `X` and `latest`."""
    major, minor, _ = full.split(".")
    return f"{major}.{minor}", major, "latest"


def short(digest: str) -> str:
    return digest[:19] + "…" if len(digest) > 20 else digest


def listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def words(answer: ProbeAnswer | None) -> list[str]:
    """Return the words of a page that was served with status 200, and the versions in it, whatever is round
    them."""
    if answer is None or answer.status != 200:
        return []
    return answer.body.split() + re.findall(r"(?<![\d.])\d+\.\d+\.\d+(?!\d|\.\d)", answer.body, re.ASCII)


def said(answer: ProbeAnswer | None) -> str:
    """Return what came back, for a finding's `observed`."""
    if answer is None:
        return "There is no such image."
    if not answer.status:
        return f"Started as a container, it never answered on port 8080. {answer.log}".strip()
    return f"It answered with status {answer.status} and the text {answer.body.strip()[:200]!r}."


def base_image(engine: EngineView, layers: Sequence[str], config: Mapping[str, Any]) -> str | None:
    """Return the name of the base image that has these layers and does the same when it is run, if one does.

    Not by image ID: engines number images in different ways, and registries know nothing of that.
    """
    images = ((name, engine.image(name)) for name in engine.names("registry-lab/*"))
    wanted = behaviour(layers, config)
    return next(
        (name for name, image in images if image and behaviour(image.layers, image.config) == wanted), None
    )


# ---------------------------------------------------------------------------------- 1 references
# Must catch: a default left out (registry, library/, latest), a refused name declared good, a good
# one declared invalid, a full form of something else, values hard-coded from an earlier run.
# Must not fail: any order, comments, blank lines, extra lines, any spacing, CRLF, a remark after
# the answer, `Invalid`; a tag kept before a digest, which names the same image.
@step("references")
def test_every_given_name_has_its_full_form(workspace: Workspace, values: Values) -> None:
    text = workspace.read("references.txt")
    if text is None:
        fail(
            "references-missing",
            expected="A file references.txt in the workspace, with one line for each name in given.txt.",
            observed="There is no such file.",
            action="Let the answer write it: each line is a name from given.txt, ` -> ` and its full form.",
        )
    answers: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, arrow, full = line.partition("->")
        if arrow and not line.lstrip().startswith("#"):
            answers.setdefault(name.strip(), []).append((full.split() or [""])[0])
    for name in given_names(values):
        if name not in answers:
            fail(
                "reference-unanswered",
                expected="A line in references.txt for each name in given.txt.",
                observed=f"No line starts with `{name} ->`; {len(answers)} names have one.",
                action="Copy the name exactly as given.txt has it, and use the variables for what changes: "
                "the names are different in every run.",
            )
        for answer in answers[name]:
            judge_reference(name, answer)


def given_names(values: Values) -> list[str]:
    """Return the names to answer, from the lab itself: the workspace's copy could have been changed."""
    lab = tomllib.loads(Path(__file__).with_name("lab.toml").read_text(encoding="utf-8"))
    return fill(lab["files"]["given.txt"], values).split()


def judge_reference(name: str, answer: str) -> None:
    expected = f"The full form of `{name}`."
    observed = f"references.txt says `{answer}`."
    try:
        reference = parse(name)
    except InvalidReference as error:
        if answer.lower() == "invalid":
            return
        fail(
            "invalid-reference-accepted",
            expected=f"The word `invalid` for `{name}`: no client accepts that name.",
            observed=observed,
            action=f"Look at character {error.position + 1} of the name: {error.expected} belongs there. "
            "Try `docker pull` with it and read what Docker says.",
        )
    full = str(reference)
    accepted = {full}
    if isinstance(reference, Digested) and reference.tag:
        accepted.add(f"{reference.repository}:{reference.tag}@{reference.digest}")
    if answer in accepted:
        return
    if answer.lower() == "invalid":
        fail(
            "valid-reference-refused",
            expected=expected,
            observed=f"references.txt calls `{name}` invalid.",
            action="It is a good name. Take it apart: which part is the registry, which the path, which the "
            "tag or digest? Then add what is left out.",
        )
    if answer.replace("docker.io/", "docker.io/library/", 1) in accepted:
        fail(
            "reference-library-missing",
            expected=expected,
            observed=observed,
            action="On docker.io, a name without a team belongs to a namespace of its own, and the full form "
            "shows it. Add it between the registry and the name.",
        )
    if answer in {full.removeprefix("docker.io/"), full.removeprefix("docker.io/library/")}:
        fail(
            "reference-registry-missing",
            expected=expected,
            observed=f"{observed} That does not say which registry keeps the image.",
            action="Put the default registry in front; see whether the name has a team as well.",
        )
    if isinstance(reference, Tagged) and answer == str(reference.repository):
        fail(
            "reference-tag-missing",
            expected=expected,
            observed=f"{observed} That does not say which tag.",
            action="A name with neither tag nor digest gets the default tag. Add it.",
        )
    fail(
        "reference-wrong",
        expected=expected,
        observed=observed,
        action="Take the name apart: what stands before the first slash is a registry only if it has a dot "
        "or a colon or is localhost. Keep what is there, add what is left out, change nothing else.",
    )


# --------------------------------------------------------------------------------------- 2 build
# Must catch: another name or tag, an image that does not start or listens elsewhere, a base image
# under the app's name, a greeting typed into the source or the Dockerfile, a version not handed over.
# Must not fail: any builder, one stage or several, any file name for the Dockerfile, a different
# server in any language, more text on the page than was asked for, the next version built later.
@step("build")
def test_the_app_runs_and_greets(engine: EngineView, probe: Probe, values: Values) -> None:
    name = f"{values['APP']}:dev"
    image = engine.image(name)
    if image is None:
        others = engine.names(f"{values['APP']}:*") + engine.names(f"*/{values['APP']}:dev")
        fail(
            "dev-image-missing",
            expected=f"An image called {name} in the engine.",
            observed=f"There is none, but there is {listed(others)}."
            if others
            else "There is no image of the app.",
            action="Give `docker build` exactly that name, tag included; without a tag it takes `latest`.",
        )
    answer = probe.local(name)
    greeting = values["GREETING"]
    page = words(answer)
    greeted = greeting in " ".join(page)
    if greeted and {values["VERSION"], values["NEXT_VERSION"]} & set(page):
        return
    if base := base_image(engine, image.layers, image.config):
        fail(
            "dev-is-a-base-image",
            expected=f"{name} is the app, built from app/.",
            observed=f"It is {base} under another name.",
            action="Build it with `docker build` from a Dockerfile in app/, not by a tag alone.",
        )
    if answer is None or answer.status != 200:
        fail(
            "app-does-not-answer",
            expected=f"A container of {name} answers GET / on port 8080 with status 200.",
            observed=said(answer),
            action=f"Run it yourself with `docker run --rm {name}` and read what it prints. "
            "Does the Dockerfile have a CMD that starts the server?",
        )
    if greeted:
        fail(
            "build-version-missing",
            expected=f"The page has greeting and version of this run, {greeting} {values['VERSION']}.",
            observed=said(answer),
            action="The version is a build argument like the greeting: declare it, use it and hand it over.",
        )
    fail(
        "greeting-missing",
        expected=f"The page has the greeting of this run, {greeting}.",
        observed=said(answer),
        action="Hand $GREETING over as a build argument instead of writing a greeting down: it is another "
        "one in every run.",
    )


# ------------------------------------------------------------------------------------- 3 release
# Must catch: tags that are missing or disagree, a push that went elsewhere, an image that is not
# the app or not that version.
# Must not fail: what later steps do. X.Y, X and latest may name any release of their line from this
# one on; once the patch is out, where they point and an overwritten X.Y.Z are for `patch` to judge.
@step("release")
def test_four_tags_name_the_release(shelf: Shelf, engine: EngineView, probe: Probe, values: Values) -> None:
    full = values["VERSION"]
    release = shelf.image(full)
    if release is None:
        no_release(shelf, engine, values)
    if missing := [tag for tag in lines(full) if tag not in shelf.tags]:
        fail(
            "release-tag-missing",
            expected=f"The tags {full}, {listed(lines(full))} in {values['REPOSITORY']}.",
            observed=f"Missing: {listed(missing)}. The repository has {shelf.held()}.{beside(missing, shelf.tags)}",
            action="Give the image its other names with `docker tag`, and push each of them.",
        )
    answer = probe.remote(shelf.name, full)
    page = words(answer)
    if values["GREETING"] not in " ".join(page) or not {full, values["NEXT_VERSION"]} & set(page):
        if base := base_image(engine, release.diff_ids, release.config):
            fail(
                "release-is-a-base-image",
                expected=f"{values['REPOSITORY']}:{full} is the app in version {full}.",
                observed=f"It is {base} under another name.",
                action="Build the app with this version as build argument and push that image.",
            )
        fail(
            "release-is-not-that-version",
            expected=f"{values['REPOSITORY']}:{full} serves `{values['GREETING']} {full}`.",
            observed=said(answer),
            action="Build the app with $GREETING and $VERSION as build arguments, and push that image.",
        )
    for tag in () if values["NEXT_VERSION"] in shelf.tags else lines(full):
        if shelf.id(tag) not in {shelf.id(name) for name in shelf.releases(tag, full)}:
            fail(
                "release-tags-disagree",
                expected=f"{full}, {listed(lines(full))} name one image, or the last three a newer release.",
                observed=f"{tag} names an image that is no release: {shelf.held((full, *lines(full)))}.",
                action=f"Build only once. Then tag that image as {tag} and push it.",
            )


def no_release(shelf: Shelf, engine: EngineView, values: Values) -> NoReturn:
    """Say where the release went, when its full version tag is not in the repository."""
    full, repository = values["VERSION"], values["REPOSITORY"]
    expected = f"The tag {full} in the repository {shelf.name} of the registry at {values['REGISTRY']}."
    elsewhere = [
        name
        for name in engine.names(f"*/{values['APP']}:{full}")
        if name != f"{repository}:{full}" and name.endswith(f"/{shelf.name}:{full}")
    ]
    if elsewhere:
        fail(
            "wrong-registry",
            expected=expected,
            observed=f"That repository has {shelf.held()}. The engine has an image for another registry: "
            f"{listed(elsewhere)}.",
            action="The registry is part of the image's name, and the push goes there. Take the address from "
            "$REGISTRY or $REPOSITORY; it is another one in every run.",
        )
    strangers = [name for name in shelf.registry.repositories() if name != shelf.name]
    found = [name for name in strangers if values["APP"] in name and full in shelf.registry.tags(name)]
    if found:
        fail(
            "wrong-repository",
            expected=expected,
            observed=f"The tag {full} is in the repository {listed(found)} of that registry.",
            action="A repository is the whole path, team included. Push to $REPOSITORY.",
        )
    if (
        "latest" in shelf.tags
        and not beside(full, shelf.tags)
        and not shelf.releases("latest", full)
        and not set(lines(full)[:2]) & set(shelf.tags)
    ):
        fail(
            "only-latest-pushed",
            expected=expected,
            observed=f"There is a latest but no version: {shelf.held()}.",
            action="latest says nothing about what is inside. Name the image by its full version first, then "
            "by the shorter ones, and push them all.",
        )
    fail(
        "version-tag-missing",
        expected=expected,
        observed=f"The repository has {shelf.held()}.{beside(full, shelf.tags)}",
        action=f"Name the image {repository}:{full} and push it. An image that is only built or tagged is "
        "not in the registry yet.",
    )


# --------------------------------------------------------------------------------------- 4 patch
# Must catch: a tag left behind, the release's own tag overwritten, the old image under a new
# number, nothing published.
# Must not fail: later releases after this one, any way of moving a tag, tags beside these.
@step("patch")
def test_the_patch_moves_the_right_tags(shelf: Shelf, probe: Probe, values: Values) -> None:
    full, patch = values["VERSION"], values["NEXT_VERSION"]
    everything = (full, patch, *lines(full))
    if full in shelf.tags and patch in words(probe.remote(shelf.name, full)):
        fail(
            "version-tag-overwritten",
            expected=f"The tag {full} still names the image that serves {full}.",
            observed=f"It now serves {patch}: {shelf.held(everything)}.",
            action=f"A full version is never used twice. Push the release as {full} again, and give the "
            "patch its own number.",
        )
    if patch not in shelf.tags:
        fail(
            "patch-not-published",
            expected=f"The tag {patch} in {values['REPOSITORY']}.",
            observed=f"The repository has {shelf.held()}.{beside(patch, shelf.tags)}",
            action="Build the app with $NEXT_VERSION as its version and push it under that number.",
        )
    answer = probe.remote(shelf.name, patch)
    if patch not in words(answer) or values["GREETING"] not in " ".join(words(answer)):
        if shelf.id(patch) == shelf.id(full):
            fail(
                "patch-is-the-old-image",
                expected=f"{patch} is a new build that serves {patch}.",
                observed=f"{full} and {patch} name one image, and it serves {full}.",
                action="A new name does not change an image. Build again with the new version.",
            )
        fail(
            "patch-is-not-that-version",
            expected=f"{values['REPOSITORY']}:{patch} serves `{values['GREETING']} {patch}`.",
            observed=said(answer),
            action="Build with $GREETING and $NEXT_VERSION as build arguments and push that image.",
        )
    for tag, code in zip(
        lines(full), ("minor-tag-left-behind", "major-tag-left-behind", "latest-left-behind"), strict=True
    ):
        if shelf.id(tag) not in {shelf.id(name) for name in shelf.releases(tag, patch)}:
            fail(
                code,
                expected=f"{tag} names the newest image of its line, {patch}.",
                observed=f"It does not: {shelf.held(everything)}.",
                action=f"Who asks for {tag} should get the patch. Tag the patch as {tag} too, and push it.",
            )


# ------------------------------------------------------------------------------------- 5 promote
# Must catch: an environment without a tag, one that was rebuilt, one on another release, three
# equal ones that never were a release.
# Must not fail: either release as the one promoted; docker tag, curl PUT or imagetools.
@step("promote")
def test_the_environments_run_one_release(shelf: Shelf, values: Values) -> None:
    missing = [name for name in ENVIRONMENTS if shelf.id(name) is None]
    if missing:
        fail(
            "environment-tag-missing",
            expected=f"The tags {listed(ENVIRONMENTS)} in {values['REPOSITORY']}.",
            observed=f"Missing: {listed(missing)}. The repository has {shelf.held()}.{beside(missing, shelf.tags)}",
            action="Give a released image these names and push each of them. Only the registry counts, "
            "not what an answer prints.",
        )
    released = {shelf.id(tag): tag for tag in shelf.tags if version(tag)}
    strangers = [name for name in ENVIRONMENTS if shelf.id(name) not in released]
    if strangers:
        versions = [tag for tag in shelf.tags if version(tag)]
        fail(
            "environment-rebuilt",
            expected="All three environments have the very image that was released under a version.",
            observed=f"No version names the image of {listed(strangers)}: "
            f"{shelf.held((*versions, *ENVIRONMENTS))}.",
            action="A second build is a second image, even from the same source. Do not build here: tag the "
            "released image and push that name.",
        )
    if len({shelf.id(name) for name in ENVIRONMENTS}) > 1:
        fail(
            "environments-differ",
            expected="dev, staging and production name one image.",
            observed="; ".join(f"{name} is on {released[shelf.id(name)]}" for name in ENVIRONMENTS) + ".",
            action="Choose one release and let all three tags name it.",
        )


# --------------------------------------------------------------------------------------- 6 trace
# Must catch: a tag for another commit, two tags on two images, no label or a wrong one, tags on
# something that is not the app.
# Must not fail: a hash of any usual length (7 digits up to all 40), tags of earlier commits and
# builds beside these, the label from the Dockerfile or from the command line, any version inside,
# commits made after the image was built: a later answer may well commit its own work.
@step("trace")
def test_tags_and_label_lead_to_the_commit(
    shelf: Shelf, workspace: Workspace, probe: Probe, values: Values
) -> None:
    head = workspace.head()
    if head is None:
        fail(
            "no-commit",
            expected="The workspace is a git repository with a commit.",
            observed="It has none.",
            action="Commit your work with `git commit`; if the folder .git is gone, `git init` comes first.",
        )
    date = f"{values['BUILD_DATE']}-{values['BUILD_NUMBER']}"
    image = shelf.image(date)
    head = commit_built_from(image, workspace) or head
    by_commit = {
        tag: tag.removeprefix("sha-") for tag in shelf.tags if re.fullmatch(r"sha-[0-9a-f]{7,40}", tag)
    }
    mine = [tag for tag, digits in by_commit.items() if head.startswith(digits)]
    if not mine:
        wanted = f"sha-{head[:7]}"
        history = workspace.history()
        older = [tag for tag, digits in by_commit.items() if any(name.startswith(digits) for name in history)]
        if older:
            fail(
                "wrong-commit",
                expected=f"A tag {wanted} for the commit that HEAD names.",
                observed=f"The repository has {listed(older)}, for a commit before it.",
                action="Ask git for HEAD itself. If you have committed since, run this step again.",
            )
        fail(
            "commit-tag-missing",
            expected=f"A tag {wanted}: sha- and the short hash of HEAD.",
            observed=f"The repository has {shelf.held()}.",
            action="`git rev-parse --short HEAD` prints the short hash; put sha- in front, tag and push.",
        )
    if date not in shelf.tags:
        fail(
            "date-tag-missing",
            expected=f"The same image under the tag {date}.",
            observed=f"The repository has {shelf.held()}.{beside(date, shelf.tags)}",
            action="It is $BUILD_DATE, a hyphen and $BUILD_NUMBER. Give the image that name and push it.",
        )
    if shelf.id(date) not in {shelf.id(tag) for tag in mine}:
        fail(
            "date-tag-on-another-image",
            expected=f"{mine[0]} and {date} name one image.",
            observed=f"They name two: {shelf.held((*mine, date))}.",
            action="Build once and give that one image both names.",
        )
    label = image.labels.get(REVISION) if image else None
    if label != head:
        fail(
            "revision-label-wrong" if label else "revision-label-missing",
            expected=f"The image has the label {REVISION} with the full hash of HEAD, {head}.",
            observed=f"The label says `{label}`." if label else "The image has no such label.",
            action="Set it while building, with the full hash and not the short one; "
            "`docker image inspect` shows an image's labels.",
        )
    answer = probe.remote(shelf.name, date)
    if values["GREETING"] not in " ".join(words(answer)):
        fail(
            "traced-image-is-not-the-app",
            expected=f"{values['REPOSITORY']}:{date} is the app and serves {values['GREETING']}.",
            observed=said(answer),
            action="Build it from app/ with the same build arguments as before, plus the label.",
        )


def commit_built_from(image: RegistryImage | None, workspace: Workspace) -> str | None:
    """Return the commit that an image's label names, if HEAD was on it when the image was built."""
    try:
        built = datetime.fromisoformat(image.created) if image else None
        # Commits know whole seconds: one made in the second of the build may be from before it or after.
        moments = [built, built - timedelta(seconds=1)] if built else []
        heads = {workspace.head_at(moment) for moment in moments}
    except (ValueError, OverflowError):
        return None
    label = image.labels.get(REVISION) if image else None
    return label if label in heads else None


# ----------------------------------------------------------------------------------------- 7 pin
# Must catch: a tag where the digest belongs, an image ID taken for a digest, the digest of the
# new image, stable not moved.
# Must not fail: any other keys and services, JSON-like or quoted YAML, comments, a tag before the
# digest, variables of this lab in any form that Compose knows, `.env`, anchors, `extends`, a digest
# found in any way on any engine, a registry that knows the pinned image by no tag any more.
@step("pin")
def test_the_deployment_keeps_the_old_release(
    shelf: Shelf, workspace: Workspace, engine: EngineView, probe: Probe, values: Values
) -> None:
    full, patch = values["VERSION"], values["NEXT_VERSION"]
    written = f"`image: {values['REPOSITORY']}@sha256:...` with the digest of the {full} release"
    expected = f"deploy/compose.yaml pins {written}."
    for image in images_of_the_app(workspace, values, expected):
        try:
            reference = parse(image)
        except InvalidReference as error:
            fail(
                "compose-image-invalid",
                expected=expected,
                observed=str(error),
                action="A pinned name is the repository, an @ and the digest, sha256: included.",
            )
        if isinstance(reference, Tagged):
            fail(
                "pinned-by-tag",
                expected=expected,
                observed=f"It says `{image}`: whatever the tag {reference.tag} names at that moment.",
                action="Write the digest instead of the tag: the repository, an @, what the push printed.",
            )
        pinned = shelf.image(reference.digest)
        if pinned is None:
            taken = (
                "an image ID of the engine" if engine.image(reference.digest) else "unknown to the registry"
            )
            fail(
                "pinned-digest-unknown",
                expected=expected,
                observed=f"{short(reference.digest)} is {taken}; the repository has {shelf.held()}.",
                action="An image ID is the engine's own number. Take the digest that `docker push` prints at its "
                "end, or that `docker pull` prints after `Digest:`.",
            )
        page = words(probe.remote(shelf.name, reference.digest))
        if patch in page:
            fail(
                "pinned-new-image",
                expected=expected,
                observed=f"The digest {short(reference.digest)} is that of an image that serves {patch}.",
                action="Look the digest up while stable still names the old release, before you move it.",
            )
        if full not in page or (full in shelf.tags and shelf.id(full) != pinned.config_digest):
            fail(
                "pinned-other-image",
                expected=expected,
                observed=f"{short(reference.digest)} is another image: {shelf.held((full, patch))}.",
                action=f"Take the digest of the image that the tag {full} names.",
            )
    stable_has_moved(shelf, probe, values)


def stable_has_moved(shelf: Shelf, probe: Probe, values: Values) -> None:
    full, patch = values["VERSION"], values["NEXT_VERSION"]
    expected = f"The tag stable has moved on to {patch}."
    if "stable" not in shelf.tags:
        fail(
            "stable-missing",
            expected=expected,
            observed=f"There is no tag stable; the repository has {shelf.held()}.",
            action=f"Let stable name the {full} release, pin that, then move stable to {patch}.",
        )
    answer = probe.remote(shelf.name, "stable")
    if shelf.id("stable") in {shelf.id(tag) for tag in shelf.releases("latest", patch)}:
        return
    if full in words(answer):
        fail(
            "stable-not-moved",
            expected=expected,
            observed=f"It still serves {full}: {shelf.held((full, patch, 'stable'))}.",
            action=f"Tag the {patch} image as stable and push it. The pinned digest still leads to {full}.",
        )
    fail(
        "stable-is-not-the-patch",
        expected=expected,
        observed=f"It names another image: {shelf.held((full, patch, 'stable'))}. {said(answer)}",
        action=f"Tag the image that {values['REPOSITORY']}:{patch} names as stable, and push it.",
    )


def images_of_the_app(workspace: Workspace, values: Values, expected: str) -> list[str]:
    """Return the images in deploy/compose.yaml that are of the learner's repository; at least one."""
    if workspace.read(COMPOSE_FILE) is None:
        fail(
            "compose-missing",
            expected=expected,
            observed="There is no file deploy/compose.yaml in the workspace.",
            action="Let the answer make the folder deploy and write the file.",
        )

    def source(path: str) -> str | None:
        text = workspace.read(path)
        return one_line_each(text) if text is not None and path == COMPOSE_FILE else text

    try:
        compose = composefile.read(source, COMPOSE_FILE, values)
    except composefile.Unreadable as error:
        fail(
            "compose-unreadable",
            expected="deploy/compose.yaml is a compose file: services, in it a service, in it an image.",
            observed=f"It cannot be read as one: {error}.",
            action=error.advice,
        )
    images = list(compose.images().values())
    mine = [image for image in images if is_in(image, values["REPOSITORY"])]
    if not mine:
        unset = f" Nowhere set, so empty: {listed(compose.unset)}." if compose.unset else ""
        fail(
            "compose-names-another-image",
            expected=expected,
            observed=(f"Its images are {listed(images)}." if images else "No service in it has an image.")
            + unset,
            action="The service's image is $REPOSITORY, an @ and the digest, with the values filled in.",
        )
    return mine


def one_line_each(text: str) -> str:
    """Return a pinned name that stands on several lines, once.

    Docker's containerd image store lists a digest once for each tag that names it. Who takes it from `RepoDigests`,
    which is right wherever the engine keeps images in the older way, gets a variable of several equal lines there.
    """
    return re.sub(r"(\S+@sha256:[0-9a-f]{64})((?:\r?\n\1)+)(?=[\"']?\s*$)", r"\1", text, flags=re.MULTILINE)


def is_in(image: str, repository: str) -> bool:
    try:
        return parse(image).repository == parse(repository).repository
    except InvalidReference:
        return image.startswith(repository)


# ---------------------------------------------------------------------------------------- 8 slim
# Must catch: the secret in any layer (deleted later or not), in the settings or the history; the
# toolchain, headers or the source in any layer; an image that is no smaller or does not serve; an
# ignore file that lets .env through. The secret counts in file names and links, in base64 and in gzip too.
# Must not fail: FROM scratch or a small base, a binary built beforehand and copied in, BuildKit
# secrets, any version inside, any pattern that keeps .env out, an ignore file of either builder.
@step("slim")
def test_the_slim_image_has_the_program_and_nothing_else(
    shelf: Shelf, workspace: Workspace, engine: EngineView, probe: Probe, values: Values
) -> None:
    image = shelf.image("slim")
    if image is None and "slim" in shelf.tags:
        fail(
            "slim-is-no-image",
            expected=f"The tag slim in {values['REPOSITORY']} names an image.",
            observed="The tag is there, but what it names cannot be read as an image.",
            action="Build with `docker build` and push with `docker push`.",
        )
    if image is None:
        fail(
            "slim-image-missing",
            expected=f"The tag slim in {values['REPOSITORY']}.",
            observed=f"The repository has {shelf.held()}.",
            action="Build the small image, name it $REPOSITORY:slim and push it.",
        )
    # Whoever pulls from another machine gets the image for that one: an index is judged as a whole.
    for each in shelf.registry.images(shelf.name, "slim"):
        files = entries(each)
        no_secret(each, files, values["SECRET"])
        no_toolchain(each, files, engine)
    answer = probe.remote(shelf.name, "slim")
    if values["GREETING"] not in " ".join(words(answer)):
        fail(
            "slim-does-not-serve",
            expected=f"{values['REPOSITORY']}:slim still answers on port 8080 with {values['GREETING']}.",
            observed=said(answer),
            action="Is the program linked with -static, where CMD looks for it, and built with the greeting?",
        )
    env_is_ignored(workspace)


def entries(image: RegistryImage) -> list[LayerFile]:
    try:
        return list(image.files())
    except ContentFault as fault:
        fail(
            "slim-layer-unreadable",
            expected="Every layer of the image is a tar archive, plain or compressed with gzip.",
            observed=f"{fault.message.partition(' (')[0]}.",
            action="Build with `docker build` and push with `docker push`: both do so by default.",
        )


def no_secret(image: RegistryImage, files: list[LayerFile], secret: str) -> None:
    needles = spellings(secret)
    expected = "The token of app/.env is nowhere in the image: in no layer, no setting, no history."
    hit = next(
        (file for file in files if any(needle in text for text in texts(file) for needle in needles)), None
    )
    if hit:
        later = [file for file in files if file.layer > hit.layer]
        gone = any(f"{hit.path}/".startswith(f"{file.path}/") for file in later)
        made_by = layer_origin(image, hit.layer).replace(secret, "***")
        path = hit.path.replace(secret, "***")
        where = f"Layer {hit.layer + 1} of {len(image.layers)} has it in /{path}{made_by}."
        fail(
            "secret-under-a-deletion" if gone else "secret-in-layer",
            expected=expected,
            observed=f"{where} A later layer hides that file, but whoever pulls the image gets the layer too."
            if gone
            else where,
            action="Do not let the file in at all: copy only what is needed, and keep .env out of the build "
            "with app/.dockerignore. In real life the token is burnt now and must be replaced.",
        )
    if any(needle in json.dumps(image.document).encode() for needle in needles):
        steps = [str(entry.get("created_by", "")) for entry in image.history]
        spot = next((text for text in steps if secret in text), "its settings (environment or labels)")
        fail(
            "secret-in-build-settings",
            expected=expected,
            observed=f"The image's configuration shows it: {spot.replace(secret, '***')[:160]}",
            action="Build arguments, ENV and LABEL are kept in the image and `docker history` prints them. "
            "This build needs no token: do not hand it over.",
        )


def spellings(secret: str) -> tuple[bytes, ...]:
    """Return a secret as it is, and what base64 makes of it wherever in a text it stands."""
    data = secret.encode()
    encoded = (base64.b64encode(b"\0" * skip + data)[4 * skip // 3 + (skip > 0) :] for skip in range(3))
    return data, *(text.rstrip(b"=")[:-1] for text in encoded)


def texts(file: LayerFile) -> Iterator[bytes]:
    """Yield where a layer's entry may show something: its name, what it links to, what it holds, gzip or
    not."""
    yield os.fsencode(f"{file.path}\n{file.link}")
    yield file.data
    if file.data.startswith(b"\x1f\x8b"):
        with suppress(zlib.error):
            yield zlib.decompressobj(wbits=31).decompress(file.data, UNZIPPED)


def layer_origin(image: RegistryImage, layer: int) -> str:
    """Return which build step made a layer, as far as the history tells."""
    steps = [str(entry.get("created_by", "")) for entry in image.history if not entry.get("empty_layer")]
    text = steps[layer].split("#(nop)")[-1].removeprefix("/bin/sh -c ").strip() if layer < len(steps) else ""
    return f", made by `{text[:120]}`" if text else ""


TOOLS = re.compile(
    r"(^|/)bin/([\w.-]*-)?(cc|gcc|g\+\+|c\+\+|tcc|clang|ld|as|cpp|make|cmake)(-[\d.]+)?$|/(crt1|libtcc1|libc)\.[oa]$"
)
SOURCE = re.compile(r"\.(c|h|o|a)$")
# The same under another name: only a C compiler knows this macro, and only C text includes headers.
COMPILER_INSIDE = b"__STDC_VERSION__"
SOURCE_INSIDE = re.compile(rb"^[ \t]*#[ \t]*include[ \t]*[<\"]", re.MULTILINE)


def is_tool(file: LayerFile) -> bool:
    return bool(TOOLS.search(file.path)) or (b"\0" in file.data and COMPILER_INSIDE in file.data)


def is_source(file: LayerFile) -> bool:
    return bool(SOURCE.search(file.path)) or (
        b"\0" not in file.data and SOURCE_INSIDE.search(file.data) is not None
    )


def no_toolchain(image: RegistryImage, files: list[LayerFile], engine: EngineView) -> None:
    naive, small = engine.image(TOOLCHAIN), engine.image(SMALL_BASE)
    if naive is None:
        fail(
            "toolchain-image-gone",
            expected=f"{TOOLCHAIN} is in the engine: the slim image is compared with it.",
            observed="It is not there.",
            action="`lab doctor --fix` brings it back. An answer must not remove it.",
        )
    known = set(small.layers) if small else set()
    own = {number for number, diff_id in enumerate(image.diff_ids) if diff_id not in known}
    expected = "No layer holds a compiler, a header, a library to link with or the source."
    again = "Build in one stage and start another from something small; copy only the program over."
    whole = [number for number in own if image.diff_ids[number] in naive.layers]
    if whole:
        fail(
            "toolchain-in-image",
            expected=expected,
            observed=f"Layer {whole[0] + 1} of {len(image.layers)} is all of {TOOLCHAIN}.",
            action=again,
        )
    regular = [file for file in files if file.layer in own and file.size and not file.whiteout]
    for kind, code in ((is_tool, "toolchain-in-image"), (is_source, "source-in-image")):
        found = [file for file in regular if kind(file)]
        if found:
            fail(
                code,
                expected=expected,
                observed=f"Layer {found[0].layer + 1} of {len(image.layers)} has /{found[0].path}"
                + (f" and {len(found) - 1} more of the kind." if len(found) > 1 else "."),
                action=again,
            )
    size, limit = sum(file.size for file in files), engine.unpacked(TOOLCHAIN) // 4
    if size >= limit:
        largest = max(files, key=lambda file: file.size)
        fail(
            "slim-too-big",
            expected=f"Unpacked, it is less than a quarter of {TOOLCHAIN}: below {limit / 1e6:.1f} MB.",
            observed=f"It is {size / 1e6:.1f} MB. The largest file, {largest.size / 1e6:.1f} MB, is "
            f"/{largest.path} in layer {largest.layer + 1}; what a later layer deletes still counts.",
            action=again,
        )


def env_is_ignored(workspace: Workspace) -> None:
    from docker.utils.build import PatternMatcher

    # The file is looked for beside the context's root, and BuildKit prefers NAME.dockerignore.
    own = sorted(path.name for path in (workspace.path / "app").glob("*.dockerignore"))
    places = [(f"app/{name}", ".env") for name in own] + [(".dockerignore", "app/.env")]
    texts = {place: text for place, _ in places if (text := workspace.read(place)) is not None}
    for place, secret_file in places:
        text = texts.get(place, "").removeprefix("\ufeff")  # Docker drops a byte order mark too
        patterns = [line for line in text.splitlines() if not line.startswith("#")]
        try:
            if PatternMatcher(patterns).matches(secret_file):  # type: ignore[arg-type]  # a text, whatever the stubs say
                return
        except re.error as error:
            fail(
                "ignore-file-unreadable",
                expected="Every line of the ignore file is a pattern.",
                observed=f"One in {place} is none: {error.msg}.",
                action="Look for square brackets: [a-c] is any one of a, b and c.",
            )
    expected = "app/.dockerignore keeps app/.env out of what the builder gets to see."
    if not texts:
        fail(
            "ignore-file-missing",
            expected=expected,
            observed="There is no .dockerignore in app/.",
            action="Write one: a pattern on each line, relative to the folder that is built.",
        )
    fail(
        "ignore-file-lets-env-through",
        expected=expected,
        observed=f"The patterns in {listed(texts)} do not match it."
        + (
            " It is no text in UTF-8, and docker takes it for one." if "\0" in "".join(texts.values()) else ""
        ),
        action="The patterns are relative to the folder that is built, so app/ is not part of them.",
    )
