"""Every shipped lab, proved: neither too lax nor too strict."""

import pytest

from checker import author, images
from checker.catalog import Catalog
from checker.engine import Engine, connect

CATALOG = Catalog()
LABS = CATALOG.names()
MISTAKES = [(lab, mistake.name) for lab in LABS for mistake in CATALOG.mistakes(CATALOG.lab(lab))]

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def real_engine() -> Engine:
    engine = connect()
    needed = {"registry"}.union(*(CATALOG.lab(name).images for name in LABS))
    images.ensure(engine, sorted(needed), print)
    return engine


@pytest.mark.parametrize("name", LABS)
def test_lab_is_proved_untouched_and_solved(real_engine: Engine, name: str) -> None:
    proofs = list(author.prove_lab(real_engine, CATALOG, CATALOG.lab(name)))

    assert [proof for proof in proofs if not proof.holds] == []
    assert len(proofs) == 4


@pytest.mark.parametrize(("name", "mistake"), MISTAKES)
def test_mistake_fails_exactly_its_step_with_exactly_its_finding(
    real_engine: Engine, name: str, mistake: str
) -> None:
    lab = CATALOG.lab(name)
    found = next(entry for entry in CATALOG.mistakes(lab) if entry.name == mistake)

    assert author.prove_mistake(real_engine, lab, found).problems == ()


def test_first_lab_ships_at_least_eight_mistakes_each_with_a_finding_of_its_own() -> None:
    mistakes = CATALOG.mistakes(CATALOG.lab("01"))

    assert len(mistakes) >= 8
    assert len({mistake.finding for mistake in mistakes}) >= 8
    assert {mistake.step for mistake in mistakes} == {step.name for step in CATALOG.lab("01").steps}
