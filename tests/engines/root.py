"""The Debian 13 root: made once, kept in the cache, with this project as it is now in it."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from checker.base.cache import cache_dir
from checker.base.errors import EnvironmentFault
from checker.base.say import Say
from checker.engine import images
from checker.engine.connection import Engine
from checker.engine.origins import debian12
from checker.lab.catalog import Catalog
from checker.programs import debian, tools
from checker.stack import kind
from tests.engines.kinds import BUILDX, LEARNER, TESTING

PROJECT = Path(__file__).parents[2]
SUITE, LATER = "trixie", "testing"
PACKAGES = (
    *(
        "make",
        "git",
        "python3",
        "python3-venv",
        "iproute2",
        "iptables",
        "procps",
        "ca-certificates",
        "strace",
    ),
    *("docker.io", "docker-cli", "docker-buildx", "docker-compose", "containerd", "runc", "nodejs", "npm"),
    *("uidmap", "rootlesskit", "slirp4netns", "dbus-user-session", "fuse-overlayfs"),
    *("podman", "buildah", "crun", "netavark", "nftables", "aardvark-dns", "passt"),
)
OF_TESTING = ("docker.io", "docker-cli", "docker-buildx", "containerd", "runc")
UNFINISHED = "The Debian 13 root could not be finished; see above."
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def place() -> Path:
    """Return where everything of `make engines` lies."""
    return cache_dir() / "engines"


def make(engine: Engine, say: Say) -> Path:
    """Return the root, made if there is none of this kind, with the project, the images and the programs in it.

    engine: has the base images, or gets them. Raises EnvironmentFault.
    """
    catalog = Catalog()
    every = tools.with_needs(tool for lab in catalog.labs() for tool in lab.tools)
    packages = sorted({*PACKAGES, *tools.packages(every)})
    about = hashlib.sha256(repr((packages, OF_TESTING, SUITE)).encode()).hexdigest()[:12]
    root = place() / f"root-{about}"
    if not root.is_dir():
        if not shutil.which("mmdebstrap"):
            debian.install(["mmdebstrap"], say)
        place().mkdir(parents=True, exist_ok=True)
        aside = root.with_name(f".{root.name}")
        shutil.rmtree(aside, ignore_errors=True)
        say(f"Making a Debian 13 in {root}, with {len(packages)} packages and what they need.")
        _bootstrap(aside, packages)
        _inside(
            aside,
            f"useradd --create-home --shell /bin/bash --uid 1000 {LEARNER} && grep {LEARNER} /etc/subuid",
        )
        aside.rename(root)
    if not (root / TESTING.lstrip("/")).is_dir():
        say("Unpacking Debian testing's engine beside it.")
        _unpack_testing(root)
    say("Putting the project, its programs and its images in it.")
    _put_project(root)
    names = sorted({name for lab in catalog.labs() for name in kind.images(lab)})
    images.ensure(engine, names, say)
    archive = root / "srv/images.tar"
    tags = [images.tag_of(name) for name in names]
    subprocess.run(
        ["docker", "save", "--output", archive, *tags], env={**os.environ, **engine.environment()}, check=True
    )
    archive.chmod(0o644)
    (root / "srv/images.txt").write_text("".join(f"{tag}\n" for tag in tags))
    return root


def run(
    root: Path, *command: str | Path, network: str = "shared", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in the root, as its first process; network: `own` or `shared`."""
    words = [sys.executable, "-m", "tests.engines.entering", root, network, *command]
    base = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
    }
    # Which index is asked, but no folder of the machine: the root does not have it.
    passed = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("PIP_", "UV_")) and "://" in value
    }
    return subprocess.run(
        words,
        cwd=PROJECT,
        env={**passed, **base, **environment},
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def _bootstrap(root: Path, packages: list[str]) -> None:
    done = subprocess.run(
        [
            *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={','.join(packages)}"),
            *("--aptopt=APT::Install-Recommends false", "--skip=check/empty", SUITE, root, debian12.mirror()),
        ],
        check=False,
    )
    if done.returncode:
        raise EnvironmentFault(UNFINISHED, "Mend that, and try again.")
    if CERTIFICATES.exists():  # those of a proxy among them
        shutil.copy(CERTIFICATES, root / CERTIFICATES.relative_to("/"))


def _unpack_testing(root: Path) -> None:
    """Testing's programs, which need no later C library than Debian 13's, in a folder of their own."""
    script = (
        f"set -e; cd /srv; mkdir -p lists/partial; echo 'deb {debian12.mirror()} {LATER} main' > sources.list\n"
        "o='-o Dir::Etc::SourceList=/srv/sources.list -o Dir::Etc::SourceParts=/dev/null'\n"
        # A mirror that was frozen is no fault; what it signed is looked at all the same.
        'o="$o -o Dir::State::Lists=/srv/lists -o Acquire::Check-Valid-Until=false"\n'
        f"apt-get -q $o update; apt-get -q $o download {' '.join(OF_TESTING)}\n"
        f"for package in *.deb; do dpkg-deb -x $package unpacked; done; rm -rf *.deb lists sources.list\n"
        f"test -e unpacked{BUILDX}/docker-buildx; mv unpacked {TESTING}\n"
    )
    _inside(root, script)


def _inside(root: Path, script: str) -> None:
    if run(root, "bash", "-c", script).returncode:
        raise EnvironmentFault(UNFINISHED, "Mend that, and try again.")


def _put_project(root: Path) -> None:
    """The project's files as git knows them, and an environment for the root's own Python."""
    home = root / "srv/registry-lab"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for part in ("checker", "labs", "notebooks", ".ci"):
        shutil.rmtree(home / part, ignore_errors=True)
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).is_file():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, home / name)
    _inside(root, "cd /srv/registry-lab && .ci/environment lab")
    programs = cache_dir() / "programs"
    shutil.rmtree(root / "srv/programs", ignore_errors=True)
    shutil.copytree(programs, root / "srv/programs", symlinks=True)
