"""Checks of lab 02. What counts is what the hub, the cache and the receiver of webhooks know themselves.

The checker reads them as their operator, which is neither counted nor logged. What the real Docker Hub
shows nobody (who signed in, who pulled, when it ran) makes a step skipped there.
"""

import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

import pytest

import cachefindings
import workflow as workflows
from checker.base.deadline import soon
from checker.base.errors import ContentFault, Refused
from checker.check import fail, step
from checker.findings import hub as hubfindings
from checker.findings import passwords
from checker.findings import service as servicefindings
from checker.findings.hub import listed
from checker.findings.tagnames import beside
from checker.findings.up import require_up
from checker.inspect.engineview import EngineView
from checker.inspect.probe import Probe
from checker.inspect.registry import RegistryClient
from checker.inspect.registryimage import RegistryImage
from checker.lab.workspace import Workspace
from checker.pipelines.github.events import push, push_tag
from checker.pipelines.pipelines import Pipelines
from checker.secrets import secretscan
from checker.secrets.ran import Ran
from checker.secrets.secretscan import Needle
from checker.stack.kinds.cache import Cache
from checker.stack.kinds.events import EventsView
from checker.stack.kinds.hub import HubView, RealHub
from checker.stack.operated import API
from checker.stack.trials import Trials
from publication import Publisher
from webhook import Hook

Values = Mapping[str, str]
TOLD_WITHIN = 5.0
"""Seconds that a webhook may be on its way, or a container starting."""
SMALL = 64 * 1024
"""Bytes of a file that is read for the version; larger ones are programs, which have numbers of all kinds."""
TOKEN_NEEDLE = secretscan.beginning("an access token", "dckr_pat_", r"[A-Za-z0-9_-]{20,}")


@dataclass(frozen=True)
class Shelf:
    """The learner's repository on the hub. `tags` is what it held when the checks began."""

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

    def greets(self, reference: str, greeting: str) -> bool:
        """Return whether an image holds the greeting, in a file or its settings. Raises ContentFault."""
        image = self.image(reference)
        sought = greeting.encode()
        return image is not None and (
            sought in str(image.document).encode() or any(sought in file.data for file in image.files())
        )

    def held(self) -> str:
        """Return which digest has which tags, as a sentence's middle."""
        by_digest: dict[str, list[str]] = {}
        for tag in self.tags:
            by_digest.setdefault(self.registry.digest(self.name, tag) or "nothing", []).append(tag)
        shown = "; ".join(f"{digest[:19]} has {listed(names)}" for digest, names in by_digest.items())
        return f"The repository holds: {shown}." if shown else "The repository has no tags."


@pytest.fixture(scope="session")
def the_hub(request: pytest.FixtureRequest, engine: EngineView) -> HubView | RealHub:
    view = require_up(request, engine, "hub", API, "/health")
    assert isinstance(view, HubView | RealHub)
    return view


@pytest.fixture(scope="session")
def the_inbox(request: pytest.FixtureRequest, engine: EngineView) -> EventsView:
    view = require_up(request, engine, "inbox", "", "/health")
    assert isinstance(view, EventsView)
    return view


@pytest.fixture(scope="session")
def the_cache(request: pytest.FixtureRequest, engine: EngineView) -> Cache:
    view = require_up(request, engine, "cache", "", "/v2/")
    assert isinstance(view, Cache)
    return view


@pytest.fixture(scope="session")
def shelf(the_hub: HubView | RealHub, values: Values) -> Shelf:
    name = f"{values['HUB_USERNAME']}/{values['APP']}"
    return Shelf(the_hub.registry, name, tuple(the_hub.registry.tags(name)))


@pytest.fixture(scope="session")
def needles(values: Values) -> tuple[Needle, ...]:
    return secretscan.exact("the account's password", values["HUB_PASSWORD"]), TOKEN_NEEDLE


# ------------------------------------------------------------------------------------------- 1 login
# Must catch: the password handed to docker (typed or on standard input), also by a later step; a token with
# more rights than pushing needs, or fewer; a token made and not used; a login that was refused.
# Must not fail: any client that asks for registry tokens, several tokens, one that is removed afterwards, the
# API's session opened with the password (only that can make tokens), a practice that went wrong first.
@step("login")
def test_a_limited_token_was_used_and_the_password_never(
    the_hub: HubView | RealHub, engine: EngineView, values: Values
) -> None:
    hubfindings.require_token(the_hub, engine, values["HUB_USERNAME"])


# Must catch: password or token in any file that is handed in, plain or in base64 (docker's configuration); in
# the environment, command line or labels of a container; a secret as an argument of any program.
# Must not fail: the names of the variables, a token in docker's own configuration in .lab/.
@step("login")
def test_no_secret_lies_about(
    workspace: Workspace,
    engine: EngineView,
    values: Values,
    needles: tuple[Needle, ...],
    ran: Ran,
    history: tuple[str, ...],
) -> None:
    for path in sorted((workspace.path / "steps").glob("*.sh")):
        passwords.in_answer(str(path.relative_to(workspace.path)), workspace, (), ran)
    passwords.in_history(history, "secret-in-a-file")
    if hit := secretscan.in_workspace(workspace, needles) or secretscan.in_history(workspace, needles):
        fail(
            "secret-in-a-file",
            expected="No file that is handed in holds a secret.",
            observed=f"In {hit.place} stands {hit.what}.",
            action="Keep it in a variable while the script runs. In real life it is burnt now: whoever reads "
            "the file has it, so it must be revoked.",
        )
    ours = {container.id: container for container in engine.called(f"{values['APP']}*")}
    if container := engine.publishing(int(values["PORT"])):
        ours[container.id] = container
    for container in ours.values():
        if hit := secretscan.in_container(container, needles):
            fail(
                "secret-in-a-container",
                expected="No container is told a secret that it has no use for.",
                observed=f"Of {container.name}, `docker inspect` shows {hit.what} in {hit.place}.",
                action="Start it without: what runs the app need not be able to push it.",
            )


# -------------------------------------------------------------------------------------------- 2 push
# Must catch: no push, a push to another repository, an image that is not the app, a secret in any layer or
# setting of any image that was pushed.
# Must not fail: any builder, any base image, a page that is made when it is asked for.
@step("push")
def test_the_hub_has_the_version(
    shelf: Shelf, the_hub: HubView | RealHub, engine: EngineView, values: Values, needles: tuple[Needle, ...]
) -> None:
    image = shelf.image(values["VERSION"])
    if image is None:
        not_pushed(shelf, the_hub, engine, values)
    try:
        greets = shelf.greets(values["VERSION"], values["GREETING"])
    except ContentFault as fault:
        fail(
            "image-unreadable",
            expected=f"{values['REPOSITORY']}:{values['VERSION']} can be unpacked.",
            observed=fault.message,
            action="Build with `docker build` and push with `docker push`.",
        )
    if not greets:
        fail(
            "not-the-app",
            expected=f"{values['REPOSITORY']}:{values['VERSION']} is the app in app/, with this run's page.",
            observed=f"None of its {len(image.layers)} layers has the greeting {values['GREETING']}.",
            action="Build the folder app, and push what you built.",
        )
    require_version(shelf, values["VERSION"])
    hubfindings.require_no_secret(shelf.registry, (shelf.name, f"{shelf.name}-internal"), needles)


def require_version(shelf: Shelf, version: str) -> None:
    """That the image of this tag was built with this version: in a small file, or in how it was made."""
    image = shelf.image(version)
    if image is None or version in str(image.document):
        return
    if not any(version.encode() in file.data for file in image.files() if len(file.data) < SMALL):
        fail(
            "built-without-the-version",
            expected=f"The image {shelf.name}:{version} knows that it is version {version}.",
            observed="That stands nowhere in it: the Dockerfile was not told.",
            action=f"Build it with --build-arg VERSION={version}, which is in a variable.",
        )


def not_pushed(shelf: Shelf, hub: HubView | RealHub, engine: EngineView, values: Values) -> NoReturn:
    expected = f"The repository {shelf.name} on the hub has the tag {values['VERSION']}."
    near = beside(values["VERSION"], shelf.tags)
    if (
        "latest" in shelf.tags
        and not near
        and not engine.image(f"{values['REPOSITORY']}:{values['VERSION']}")
    ):
        fail(
            "pushed-as-latest",
            expected=expected,
            observed=shelf.held(),
            action=f"A name without a tag means latest. Build and push $REPOSITORY:{values['VERSION']}.",
        )
    others = hub.registry.repositories() if isinstance(hub, HubView) else []
    if others := [
        name for name in others if name != shelf.name and values["VERSION"] in hub.registry.tags(name)
    ]:
        fail(
            "pushed-elsewhere",
            expected=expected,
            observed=f"{listed(others)} has that tag, and {shelf.name} has not.",
            action="A name has the registry, the account and the repository, in this order: $REPOSITORY.",
        )
    here = engine.names(f"*/{values['APP']}:*") + engine.names(f"{values['APP']}:*")
    fail(
        "not-pushed",
        expected=expected,
        observed=f"{shelf.held()}{near}" + (f" This machine has {listed(here)}." if here else ""),
        action=f"Build the app as $REPOSITORY:{values['VERSION']} and push that name.",
    )


# ---------------------------------------------------------------------------------------- 3 push-all
# Must catch: a tag that is missing, or that names another image than the version.
# Must not fail: tags pushed one by one, more tags, the short ones moved on to the next version later.
@step("push-all")
def test_three_tags_name_one_image(shelf: Shelf, values: Values) -> None:
    full = values["VERSION"]
    wanted = (full, full.rpartition(".")[0], "latest")
    if missing := [tag for tag in wanted if tag not in shelf.tags]:
        fail(
            "tags-missing",
            expected=f"The tags {listed(wanted)} in {shelf.name}.",
            observed=f"Missing: {listed(missing)}. {shelf.held()}{beside(missing, shelf.tags)}",
            action="Give the image these names with `docker tag` first; --all-tags pushes what is there.",
        )
    releases = {shelf.registry.digest(shelf.name, tag) for tag in (full, values["NEXT_VERSION"])} - {None}
    for tag in wanted:
        if shelf.registry.digest(shelf.name, tag) not in releases:
            fail(
                "tags-disagree",
                expected=f"{listed(wanted)} name one image.",
                observed=f"{tag} names an image that is no release. {shelf.held()}",
                action="Build only once. `docker tag` gives the image its other names.",
            )


# ------------------------------------------------------------------------------------------ 4 verify
# Must catch: no pull after the push; a pull while copies were still here (nothing but the manifest is fetched
# then); a container that runs something else, was started before, or is gone; one opened to the network.
# Must not fail: a pull with or without login, by tag or digest, by any client; the container named anyhow.
@step("verify")
def test_it_was_pulled_anew_and_runs(
    shelf: Shelf, the_hub: HubView | RealHub, engine: EngineView, probe: Probe, values: Values
) -> None:
    full = values["VERSION"]
    events = the_hub.events()
    image = shelf.image(full)
    if image is None:
        fail(
            "nothing-to-pull",
            expected=f"The repository {shelf.name} has the tag {full}, which another machine can pull.",
            observed=shelf.held(),
            action="Push it first: that is the step push.",
        )
    pulled = hubfindings.require_fresh_pull(events, image, full)
    name, number = values["CONTAINER"], int(values["PORT"])
    how = f"`docker run --detach --name {name} --publish 127.0.0.1:{number}:8080` and the image's name."
    container = servicefindings.require_running(engine, name, "container-missing", how)
    # An engine that keeps images as containerd does calls them by their manifest or index.
    if container.image_id not in (image.config_digest, image.digest, shelf.registry.digest(shelf.name, full)):
        fail(
            "container-of-another-image",
            expected=f"{name} runs the image that {values['REPOSITORY']}:{full} names on the hub.",
            observed=f"It was started from {container.image}, image {container.image_id[:19]}; the hub's is "
            f"{image.config_digest[:19]}.",
            action="Remove the container, pull, and run exactly what was pulled.",
        )
    if container.created < pulled:
        fail(
            "container-older-than-the-pull",
            expected=f"{name} was started from what was pulled.",
            observed=f"It was made at {container.created:%H:%M:%S} UTC, the pull was at {pulled:%H:%M:%S}.",
            action="Pull first, then run.",
        )
    servicefindings.require_local(container, number, 8080)
    greeted = soon(lambda: greets(probe, number, values["GREETING"]), TOLD_WITHIN)
    if not greeted:
        answer = probe.port(number)
        fail(
            "container-does-not-answer",
            expected=f"http://127.0.0.1:{number}/ shows the greeting {values['GREETING']}.",
            observed=f"It answered with status {answer.status} and {answer.body.strip()[:120]!r}."
            if answer
            else "Nothing answers there.",
            action="The server in the image listens on 8080: publish that port, as `127.0.0.1:$PORT:8080`.",
        )


def greets(probe: Probe, number: int, greeting: str) -> bool:
    answer = probe.port(number)
    return answer is not None and answer.status == 200 and greeting in answer.body


# ---------------------------------------------------------------------------------------- 5 settings
# Must catch: no or another description, no full description or not the README, the private repository
# missing, public, empty or with another image, or public at first; the public one hidden.
# Must not fail: a README that was changed, line ends of either kind, another way to make the repository.
@step("settings")
def test_the_repository_is_described(
    the_hub: HubView | RealHub, shelf: Shelf, workspace: Workspace, values: Values
) -> None:
    found = the_hub.repository(values["HUB_USERNAME"], values["APP"])
    if found is None:
        no_repository(shelf.name, "It appears with the first push: that is the step push.")
    if found.get("is_private"):
        fail(
            "public-repository-hidden",
            expected=f"Everybody can pull {shelf.name}.",
            observed="It is private now.",
            action="Only the repository that ends in -internal is to be private. Make this one public again.",
        )
    said = str(found.get("description") or "")
    if said.strip() != values["DESCRIPTION"]:
        fail(
            "description-missing" if not said.strip() else "description-wrong",
            expected=f"The description of {shelf.name} is {values['DESCRIPTION']!r}.",
            observed=f"It is {said!r}." if said else "It has none.",
            action="PATCH the repository with the text of $DESCRIPTION as description.",
        )
    full = " ".join(str(found.get("full_description") or "").split())
    readme = " ".join((workspace.read("README.md") or "").split())
    if not full or full != readme or values["APP"] not in full:
        fail(
            "full-description-missing" if not full else "full-description-wrong",
            expected=f"The full description of {shelf.name} is what README.md says.",
            observed=f"It begins with {full[:40]!r} and is {len(full)} characters long, the "
            f"file {len(readme)}."
            if full
            else "It has none.",
            action="Send the file's text as full_description; `jq --rawfile` reads a file into a variable.",
        )


@step("settings")
def test_the_other_repository_is_private(the_hub: HubView | RealHub, shelf: Shelf, values: Values) -> None:
    name = f"{shelf.name}-internal"
    found = the_hub.repository(values["HUB_USERNAME"], f"{values['APP']}-internal")
    if found is None:
        no_repository(name, "Make it with the hub's API before you push to it.")
    registry = the_hub.registry
    if not registry.tags(name):
        fail(
            "private-repository-empty",
            expected=f"An image is in {name}.",
            observed="It has no tags.",
            action="Tag the app as $REPOSITORY-internal with its version, and push that.",
        )
    version = values["VERSION"]
    inside, image = registry.image(name, version), shelf.image(version)
    if inside is None or (image and inside.diff_ids != image.diff_ids):
        fail(
            "private-repository-without-the-version",
            expected=f"{name}:{version} is the image {shelf.name}:{version}.",
            observed=f"Under that tag there is another image: {inside.digest[:19]}…."
            if inside
            else f"Its tags are {listed(registry.tags(name))}.",
            action="Tag $REPOSITORY:$VERSION as $REPOSITORY-internal:$VERSION, and push that.",
        )
    if not found.get("is_private") or anybody_reads(the_hub.public, name):
        fail(
            "not-private",
            expected=f"Nobody but its owner can pull from {name}.",
            observed="It is public: a request without any login is answered.",
            action="Remove it (DELETE on /v2/repositories/ with account and name), and make it again with "
            "is_private true before you push. A push to a repository that is not there makes a public one.",
        )
    hubfindings.require_private_from_the_start(the_hub, name)


def no_repository(name: str, action: str) -> NoReturn:
    fail(
        "repository-missing",
        expected=f"There is a repository {name} on the hub.",
        observed="The hub knows none of that name.",
        action=action,
    )


def anybody_reads(public: RegistryClient, name: str) -> bool:
    """Return whether somebody without an account gets the list of tags, which counts as no pull."""
    try:
        return bool(public.tags(name))
    except Refused as refused:
        if refused.status in (401, 403):
            return False
        raise  # nobody said no


# ----------------------------------------------------------------------------------------- 6 webhook
# Must catch: no webhook, one that was made after the push or in another repository, an address where nobody
# listens; a payload that somebody else sent to the receiver (the hub knows the ids of its deliveries).
# Must not fail: more webhooks, more pushes, a first attempt that failed, any form of the receiver's address.
@step("webhook")
def test_the_hub_told_of_the_next_push(
    the_hub: HubView | RealHub, the_inbox: EventsView, shelf: Shelf, values: Values
) -> None:
    hook = Hook(
        the_hub, the_inbox, shelf.name, values["NEXT_VERSION"], values["HUB_USERNAME"], values["HOOK"]
    )
    if hook.told(TOLD_WITHIN):
        require_version(shelf, values["NEXT_VERSION"])
        return
    if values["NEXT_VERSION"] not in shelf.tags:
        fail(
            "next-version-not-pushed",
            expected=f"{shelf.name} has the tag {values['NEXT_VERSION']}, pushed after the webhook was made.",
            observed=shelf.held(),
            action="Make the webhook, then build and push $REPOSITORY:$NEXT_VERSION.",
        )
    hook.explain(values["RECEIVER_URL"])


# ---------------------------------------------------------------------------------------- 7 automate
# Must catch: a file that is no workflow, other branches or tags, no login, a password in the file, a build
# that is not pushed or not for every event, another image or another folder, the same tag for every push.
# Must not fail: any file name, several files or jobs, `docker` commands instead of actions, any pattern of
# filters, conditions instead of filters, names and tags that come from anywhere, a step that fails afterwards.
@step("automate")
def test_a_workflow_publishes_main_and_releases(
    workspace: Workspace, pipelines: Pipelines, trials: Trials, values: Values
) -> None:
    sound = workflows.require_sound(workspace)
    version = f"{10 + random.randbelow(90)}.{random.randbelow(90)}.{random.randbelow(90)}"
    tags = (f"v{version}", f"v{values['VERSION']}", f"v{values['NEXT_VERSION']}")
    workflows.require_started(sound, push("main"), *map(push_tag, tags))
    publisher = Publisher(pipelines, trials, values["HUB_USERNAME"], values["APP"])
    main, release = (
        publisher.on(event, sound.workflows, sound.all.values())
        for event in (push("main"), push_tag(tags[0]))
    )
    project = publisher.project
    workflows.require_arrival(sound, main, release, project)
    shelf = Shelf(publisher.registry, project, ())
    for published in (main, release):
        workflows.require_app(published, project, lambda tag: shelf.greets(tag, values["GREETING"]))
    workflows.require_tags_of_ref(main, release, project, version)
    # Names that a condition may take for main or for a release: their first letters, in another kind of ref.
    branches = tuple(map(push, ("maintenance", f"v{values['VERSION']}/{values['APP']}", "try-out")))
    others = tuple(map(push_tag, (values["VERSION"], "nightly")))
    for event in (*workflows.starting(sound, branches)[:2], *workflows.starting(sound, others)[:1]):
        workflows.require_nothing(publisher.on(event, sound.workflows, sound.all.values()))


# ------------------------------------------------------------------------------------------- 8 cache
# Must catch: pulls past the cache; a hub that was never stopped, or stopped only while nothing was pulled; a
# tag that the cache had never seen; a first pull that brought no layer, as the engine had them all.
# Must not fail: any tag, any client, more pulls, a hub that was killed instead of stopped.
@step("cache")
def test_the_cache_served_while_the_hub_was_stopped(
    the_hub: HubView | RealHub, the_cache: Cache, shelf: Shelf, engine: EngineView
) -> None:
    gaps = cachefindings.stops(the_hub, engine)
    cachefindings.require_served(the_cache, shelf.name, gaps, shelf.image, engine)
