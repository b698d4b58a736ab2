"""The checker's own scans: each image once, however many steps ask for it.

They have a folder and a database of their own: nothing of the learner's has a say in them. A practice remembers
what was found in a base image of the lab, as neither that nor the database changes; a replay scans it anew.
"""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from checker.base.errors import ServiceFault
from checker.base.pace import scaled, too_slow
from checker.inspect.engineview import EngineView
from checker.inspect.registryimage import RegistryImage
from reading import Malformed, Report, trivy_json

SECONDS = 120.0
"""For one scan."""
DATABASE_PART = 1024 * 1024
"""Bytes of the database that it is known by: all of the lab's own. Of Trivy's, its metadata say which it is."""


class Scans:
    """environment: in which a plain `trivy image X` works. place: a folder of the checker's own. memory: where
    scans of base images may be kept."""

    def __init__(
        self, engine: EngineView, environment: Mapping[str, str], place: Path, memory: Path | None = None
    ) -> None:
        self._memory = memory
        self._engine = engine
        self._environment = dict(environment)
        self._place = place
        self._known: dict[str, Report] = {}

    def look_with(self, engine: EngineView) -> None:
        """Ask this view of the engine from now on. What is known goes by the IDs and digests of images."""
        self._engine = engine

    @property
    def known(self) -> Path:
        """Where Trivy keeps what it found out about layers."""
        return Path(self._environment["TRIVY_CACHE_DIR"]) / "fanal"

    def image(self, name: str) -> Report:
        """Return what a scan of the engine's image says: flaws, secrets, packages."""
        image = self._engine.image(name)
        assert image is not None, f"the engine has no image {name}"
        return self._once(image.id, image.id, "--image-src", "docker")

    def base(self, name: str) -> Report:
        """Return the same of one of the lab's own base images."""
        image = self._engine.image(name)
        assert image is not None, f"the engine has no image {name}"
        kept = self._memory and self._memory / f"scan-{self._key(image.id)}.json"
        if kept and image.id not in self._known:
            with suppress(OSError, ValueError, Malformed):
                self._known[image.id] = trivy_json(kept.read_text(encoding="utf-8"))
        return self._once(image.id, image.id, "--image-src", "docker", keep=kept)

    def _key(self, image: str) -> str:
        """Return what an image and the database that it is scanned with are known by."""
        digest = hashlib.sha256(image.encode())
        for name in ("metadata.json", "trivy.db"):
            with Path(self._environment["TRIVY_CACHE_DIR"], "db", name).open("rb") as file:
                digest.update(file.read(DATABASE_PART))
        return digest.hexdigest()[:32]

    def stored(self, address: str, image: RegistryImage) -> Report:
        """Return what a scan of a registry's image says. One that the engine has too was scanned there."""
        name = f"{address}/{image.repository}@{image.digest}"
        return self._once(image.config_digest, name, "--image-src", "remote")

    def dockerfiles(self, texts: Mapping[str, str]) -> dict[str, frozenset[str]]:
        """Name -> the rules that a Dockerfile of this text breaks; of an empty one nothing is said."""
        with tempfile.TemporaryDirectory(dir=self._place) as folder:
            for name, text in texts.items():
                if text.strip():
                    Path(folder, f"{name}.Dockerfile").write_text(text, encoding="utf-8")
            report = self._run("config", folder)
        found: dict[str, set[str]] = {name: set() for name in texts}
        for fault in report.faults:
            found[fault.target.removesuffix(".Dockerfile")].add(fault.rule)
        return {name: frozenset(rules) for name, rules in found.items()}

    def _once(self, key: str, name: str, *options: str, keep: Path | None = None) -> Report:
        if key not in self._known:
            self._known[key] = self._run("image", *options, "--list-all-pkgs", name, keep=keep)
        return self._known[key]

    def _run(self, *arguments: str, keep: Path | None = None) -> Report:
        command = ["trivy", arguments[0], "--quiet", "--format", "json", *arguments[1:]]
        try:
            ran = subprocess.run(
                command,
                cwd=self._place,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=scaled(SECONDS),
                check=False,
            )
            report = trivy_json(ran.stdout.decode("utf-8", "replace"))
        except subprocess.TimeoutExpired as late:
            raise too_slow(f"a scan of {arguments[-1]} took longer than {late.timeout:.0f} s") from None
        except Malformed as malformed:
            said = ran.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
            raise ServiceFault(f"{arguments[-1]} cannot be scanned. {' '.join(said) or malformed}") from None
        if keep:
            made = keep.with_name(f".{keep.name}.{os.getpid()}.tmp")
            with suppress(OSError):  # what is not kept costs time, nothing else
                made.write_bytes(ran.stdout)
                made.replace(keep)
        return report
