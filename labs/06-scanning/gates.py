"""Whether a gate says the right thing about every kind of image: each is tried by itself.

An image with findings of one severity, in packages of one kind, shows which of these a gate does not look at.
"""

import secrets
from collections.abc import Callable, Mapping

import exceptions
from checker.check import fail
from checker.engine.images import tag_of
from checker.inspect.throwaway import Throwaway
from checker.scanning import trialimages
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
from comparing import NOT_SAFE
from reading import URGENT
from scans import Scans
from scripts import Scripts

NOWHERE = "127.0.0.1:1"
"""A registry that nobody runs: a scanner is told so at once."""
OLD, EMPTY = "shop-base", "busybox"
"""Base images: one with much that is known, one without packages."""
IMAGES: Mapping[str, tuple[Package, ...]] = {
    "high": (HIGH,),
    "critical": (CRITICAL,),
    "system": (SYSTEM_HIGH,),
    "unfixed": (SYSTEM_UNFIXED,),
    "mixed": (HIGH, CRITICAL),
    "medium": (MEDIUM,),
    "clean": (CLEAN,),
}
"""Trial -> what is installed in the image that the gate is given."""
BROKEN = {
    "no-image": "an image that does not exist",
    "no-scan": "something in a registry that is no image",
    "no-database": "a scanner without a database",
}

Codes = Mapping[str, int | None]
"""Trial -> how the gate ended; None if it did not end in time."""


def codes(scripts: Scripts, scans: Scans, throwaway: Throwaway, values: Mapping[str, str]) -> Codes:
    """Run the gate with each image, with what cannot be scanned, and with a scanner that is broken."""
    word, old = secrets.token_hex(4), tag_of(OLD)
    nothing = exceptions.accepting([])
    accepted = {"mixed": exceptions.accepting([HIGH_ID])}

    def with_image(name: str) -> Callable[[], int | None]:
        image, files = f"{values['APP']}-gate-{name}:{word}", trialimages.root(*IMAGES[name])
        return lambda: scripts.gate(throwaway.image(image, files), accepted.get(name, nothing))

    urgent = sorted({one.id for one in scans.base(old).of(URGENT)})
    return scripts.side_by_side(
        {
            **{name: with_image(name) for name in IMAGES},
            "accepted": lambda: scripts.gate(old, exceptions.accepting(urgent)),
            "empty": lambda: scripts.gate(tag_of(EMPTY), nothing),
            "no-image": lambda: scripts.gate(f"{NOWHERE}/{values['APP']}:1", nothing),
            "no-scan": lambda: scripts.gate(
                f"{values['VENDOR']}/trivy-db:2", nothing, reach=values["VENDOR"]
            ),
            "no-database": lambda: scripts.gate(old, nothing, database=False),
        }
    )


def require_gate(ended: Codes, found: int) -> None:
    """That a gate ended as it should in all trials. found: the exit code for findings."""
    require_shut(ended, found)
    require_open(ended)
    for name, what in BROKEN.items():
        code = ended[name]
        if code in (0, found):
            fail(
                "broken-scanner-lets-through" if code == 0 else "broken-scanner-looks-like-findings",
                expected=f"With {what}, gate.sh ends with neither 0 nor {found}: nobody knows.",
                observed=f"It ended with {code}.",
                action="Trivy ends with 1 when it could not scan. Let that come out as it is, and let "
                "findings have $FOUND by --exit-code.",
            )


def require_shut(ended: Codes, found: int) -> None:
    """That it says $FOUND for all that is HIGH or CRITICAL, wherever that is."""
    shut = {name for name, code in ended.items() if code == found}
    libraries, system = {"high", "critical"}, {"system", "unfixed"}
    if not shut & (libraries | system):
        require_code(
            ended["high"], "gate-open", found, f"an image with something HIGH in it ({HIGH})",
            "Let --exit-code $FOUND say it, and let nothing behind the command replace its exit code.",
        )  # fmt: skip
    if not shut & libraries:
        require_code(
            ended["high"], "gate-open-for-libraries", found,
            f"an image with an old library of Python's ({HIGH}, HIGH)",
            "Let it look at all packages, those of Python, npm and others too: leave out --pkg-types.",
        )  # fmt: skip
    if not shut & system:
        require_code(
            ended["system"], "gate-open-for-the-system", found,
            f"an image with an old package of the distribution ({SYSTEM_HIGH}, HIGH)",
            "Let it look at all packages, those of the distribution too: leave out --pkg-types.",
        )  # fmt: skip
    severities = "Name both severities, with a comma and no blank between them: --severity HIGH,CRITICAL."
    require_code(
        ended["high"], "gate-open-for-high", found, f"an image in which {HIGH} is HIGH and nothing is CRITICAL",
        severities,
    )  # fmt: skip
    require_code(
        ended["critical"], "gate-open-for-critical", found,
        f"an image in which {CRITICAL} is CRITICAL and nothing is HIGH", severities,
    )  # fmt: skip
    require_code(
        ended["system"], "gate-open-for-the-system", found,
        f"an image with an old package of the distribution ({SYSTEM_HIGH}, HIGH)",
        "Let it look at all packages, those of the distribution too.",
    )  # fmt: skip
    require_code(
        ended["unfixed"], "gate-open-for-unfixed", found,
        f"an image whose only urgent finding has no fix ({SYSTEM_UNFIXED}, CRITICAL)",
        "Leave out --ignore-unfixed. Whether one may live with such a finding is a decision, and it stands "
        f"in {exceptions.FILE}, with a reason.",
    )  # fmt: skip
    require_code(
        ended["mixed"], "gate-open-beside-an-exception", found,
        f"an image with two urgent findings, of which {exceptions.FILE} accepts one ({HIGH_ID})",
        f"Let trivy apply the exceptions, with --ignorefile {exceptions.FILE}: each is for one finding.",
    )  # fmt: skip


def require_open(ended: Codes) -> None:
    """That it says 0 where nothing is HIGH or CRITICAL but what was accepted."""
    less = "--severity HIGH,CRITICAL: nothing less is urgent"
    unread = f"--ignorefile {exceptions.FILE}: what stands there was decided"
    require_code(
        ended["accepted"], "gate-shut-for-accepted", 0,
        f"an image with much in it once {exceptions.FILE} accepts all that is HIGH or CRITICAL",
        f"Use {unread if ended['medium'] == 0 else less}.",
    )  # fmt: skip
    require_code(
        ended["medium"], "gate-shut-for-less", 0, f"an image with nothing worse than MEDIUM ({MEDIUM})",
        f"Use {less}.",
    )  # fmt: skip
    for name, what in (("clean", f"an image about which nothing is known ({CLEAN})"),
                       ("empty", f"an image without packages ({tag_of(EMPTY)})")):  # fmt: skip
        require_code(
            ended[name], "gate-shut-for-nothing", 0, what, f"Only findings are a reason to say no. {NOT_SAFE}"
        )


def require_code(code: int | None, finding: str, wanted: int, what: str, action: str) -> None:
    """That a run of the gate ended with a code. what: the image or the case it was given."""
    if code != wanted:
        fail(
            finding,
            expected=f"For {what}, `bash gate.sh IMAGE` ends with {wanted}.",
            observed=f"It ended with {code}." if code is not None else "It did not end in time.",
            action=action,
        )
