"""What lab 07's checks take for a test and for a scan of an image."""

import pytest

import gitlabasks
from checker.pipelines.gitlab.refpolicy import Ref
from checker.pipelines.gitlab.runner import PipelineOutcome


def outcome(commands: tuple[str, ...] = (), scans: tuple[str, ...] = ()) -> PipelineOutcome:
    return PipelineOutcome(ref=Ref(name="main"), commit="", commands=commands, scans=scans)


@pytest.mark.parametrize(
    ("command", "tested"),
    [
        ("/test", True),
        ("sh -c /test", True),
        ("sh -euc cd /; /test && echo well", True),
        ("/test --verbose", True),
        ("/test.sh", False),
        ("/app/test", False),
        ("ls /test/", False),
        ("/bin/busybox true", False),
        ("", False),
    ],
)
def test_a_container_that_runs_the_images_test_is_one(command: str, tested: bool) -> None:
    assert gitlabasks.tested(outcome(commands=("/bin/busybox sleep 1", command))) is tested


@pytest.mark.parametrize(
    ("call", "scanned"),
    [
        ("image --severity HIGH 127.0.0.1:5000/ada/shop:1", True),
        ("--quiet image shop:1", True),
        ("image --input image.tar", True),
        ("i sha256:0123", True),
        ("image registry-lab/busybox:1", False),
        ("fs app", False),
        ("--version", False),
    ],
)
def test_a_call_of_trivy_for_an_image_that_was_built_is_a_scan(call: str, scanned: bool) -> None:
    assert gitlabasks.scanned(outcome(scans=("--version", call))) is scanned
