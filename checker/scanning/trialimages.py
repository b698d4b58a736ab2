"""Small images with exactly one package each, so that a scan finds one severity, or nothing.

With these a gate is tried: does it stop what is HIGH and nothing else, does it stop what is CRITICAL and nothing
else? The findings are those of `advisories.toml`.
"""

import io
import tarfile
from collections.abc import Mapping

import msgspec

OS_RELEASE = b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'
STATUS = """\
Package: {name}
Status: install ok installed
Priority: optional
Section: libs
Maintainer: Nobody <nobody@example.test>
Architecture: all
Source: {source}
Version: {version}
Description: for trying gates
"""


class Package(msgspec.Struct, frozen=True):
    """A package of Python's, or of Debian 12 if it has a source package."""

    name: str
    version: str
    source: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


HIGH = Package("certifi", "2023.5.7")
HIGH_ID = "CVE-2023-37920"
"""The only thing that is known about it."""
CRITICAL = Package("PyYAML", "5.3.1")
MEDIUM = Package("idna", "3.6")
CLEAN = Package("idna", "3.7")
SYSTEM_HIGH = Package("libc-bin", "2.36-9+deb12u3", "glibc")
SYSTEM_UNFIXED = Package("zlib1g", "1:1.2.13.dfsg-1", "zlib")
"""CRITICAL, and Debian will not fix it."""


def files(package: Package) -> dict[str, bytes]:
    """Path -> contents of the records by which a scanner knows that a package is installed."""
    if package.source:
        status = STATUS.format(name=package.name, version=package.version, source=package.source)
        return {"etc/debian_version": b"12.0\n", "var/lib/dpkg/status": status.encode()}
    place = f"usr/lib/python3/dist-packages/{package.name}-{package.version}.dist-info"
    record = f"Metadata-Version: 2.1\nName: {package.name}\nVersion: {package.version}\n"
    return {f"{place}/METADATA": record.encode()}


def root(*packages: Package) -> bytes:
    """Return the files of an image with these packages, as a tar archive."""
    found = {"etc/os-release": OS_RELEASE}
    for package in packages:
        found |= files(package)
    return archive(found)


def archive(contents: Mapping[str, bytes]) -> bytes:
    """Files as a tar archive: path -> contents."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as made:
        for path, data in contents.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            made.addfile(entry, io.BytesIO(data))
    return stream.getvalue()
