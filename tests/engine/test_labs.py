"""Every shipped lab, proved: neither too lax nor too strict."""

import pytest

from checker.engine.connection import Engine, connect
from checker.judge import author
from checker.lab.catalog import Catalog
from checker.stack import needs

CATALOG = Catalog()
LABS = CATALOG.names()
# The longest first: each is played by one worker, and none should begin the longest when the others are done.
GROUPS = [
    (lab.name, " ".join(mistake.name for mistake in group))
    for lab, groups in sorted(
        ((lab, author.groups(lab, CATALOG.mistakes(lab))) for lab in CATALOG.labs()),
        key=lambda entry: -len(entry[1]),
    )
    for group in groups
]
ALTERNATIVES = [
    (lab.name, " ".join(alternative.name for alternative in group))
    for lab in CATALOG.labs()
    for group in author.groups(lab, CATALOG.alternatives(lab))
]

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def real_engine() -> Engine:
    engine = connect()
    needs.provide(engine, map(CATALOG.lab, LABS), print)
    return engine


@pytest.mark.daily
@pytest.mark.parametrize("name", LABS)
def test_lab_is_proved_untouched_and_solved(real_engine: Engine, name: str) -> None:
    proofs = list(author.prove_lab(real_engine, CATALOG, CATALOG.lab(name)))

    assert [proof for proof in proofs if not proof.holds] == []
    assert len(proofs) == 4


@pytest.mark.proof
@pytest.mark.parametrize(("name", "mistakes"), GROUPS)
def test_mistakes_fail_exactly_their_steps_with_exactly_their_findings(
    real_engine: Engine, name: str, mistakes: str
) -> None:
    lab = CATALOG.lab(name)
    group = [mistake for mistake in CATALOG.mistakes(lab) if mistake.name in mistakes.split()]

    proofs = author.prove_group(real_engine, lab, group)

    assert len(proofs) == len(mistakes.split())
    assert [proof for proof in proofs if not proof.holds] == []


@pytest.mark.proof
@pytest.mark.parametrize(("name", "alternatives"), ALTERNATIVES)
def test_alternatives_pass_every_step(real_engine: Engine, name: str, alternatives: str) -> None:
    lab = CATALOG.lab(name)
    group = [entry for entry in CATALOG.alternatives(lab) if entry.name in alternatives.split()]

    proofs = author.prove_alternatives(real_engine, lab, group)

    assert len(proofs) == len(alternatives.split())
    assert [proof for proof in proofs if not proof.holds] == []


@pytest.mark.parametrize("name", LABS)
def test_every_lab_ships_at_least_eight_mistakes_with_eight_findings_and_one_for_every_step(
    name: str,
) -> None:
    mistakes = CATALOG.mistakes(CATALOG.lab(name))

    assert len(mistakes) >= 8
    assert len({mistake.finding for mistake in mistakes}) >= 8
    assert {mistake.step for mistake in mistakes} == {step.name for step in CATALOG.lab(name).steps}


@pytest.mark.parametrize("name", LABS)
def test_every_mistake_is_in_one_group_and_no_step_twice_in_any(name: str) -> None:
    lab = CATALOG.lab(name)

    groups = author.groups(lab, CATALOG.mistakes(lab))

    assert sorted(mistake.name for group in groups for mistake in group) == [
        mistake.name for mistake in CATALOG.mistakes(lab)
    ]
    assert all(len({mistake.step for mistake in group}) == len(group) for group in groups)
