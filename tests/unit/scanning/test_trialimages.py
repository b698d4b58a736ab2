"""Images for trying gates: each has exactly the severity that it is called after."""

import io
import tarfile

import pytest
from packaging.specifiers import SpecifierSet

from checker.scanning import trialimages
from checker.scanning.advisories import Affected, read
from checker.scanning.trialimages import (
    CLEAN,
    CRITICAL,
    HIGH,
    HIGH_ID,
    MEDIUM,
    SYSTEM_HIGH,
    SYSTEM_UNFIXED,
    Package,
)


def affects(place: Affected, package: Package) -> bool:
    if package.source:
        same = (place.ecosystem, place.package) == ("Debian 12", package.source)
        return same and (not place.fixed or revision(place.fixed[0]) > revision(package.version))
    return (place.ecosystem, place.package.lower()) == ("PyPI", package.name.lower()) and any(
        package.version in SpecifierSet(bounds) for bounds in place.ranges
    )


def revision(version: str) -> int:
    """The number of an update within Debian's release: 3 of 2.36-9+deb12u3."""
    return int(version.rpartition("u")[2])


@pytest.mark.parametrize(
    ("package", "severities"),
    [
        (HIGH, {"HIGH"}),
        (CRITICAL, {"CRITICAL"}),
        (MEDIUM, {"MEDIUM"}),
        (CLEAN, set[str]()),
        (SYSTEM_HIGH, {"HIGH"}),
        (SYSTEM_UNFIXED, {"CRITICAL"}),
    ],
)
def test_a_package_has_the_severity_that_it_stands_for_and_no_other(
    package: Package, severities: set[str]
) -> None:
    rows = [row for row in read().advisory if any(affects(place, package) for place in row.affects)]
    assert {row.severity for row in rows} == severities
    if package is HIGH:
        assert [row.id for row in rows] == [HIGH_ID]
    if package is SYSTEM_UNFIXED:
        assert [place.state for row in rows for place in row.affects] == ["will not fix"]


def test_an_image_has_the_records_of_its_packages() -> None:
    with tarfile.open(fileobj=io.BytesIO(trialimages.root(HIGH, SYSTEM_HIGH))) as found:
        assert found.getnames() == [
            "etc/os-release",
            "usr/lib/python3/dist-packages/certifi-2023.5.7.dist-info/METADATA",
            "etc/debian_version",
            "var/lib/dpkg/status",
        ]
