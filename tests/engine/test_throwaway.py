"""Images and containers for one look: made as a check wants them, and gone afterwards."""

import secrets
from collections.abc import Iterator

import pytest

from checker.base.errors import EngineFault
from checker.engine.connection import Engine
from checker.engine.images import tag_of
from checker.inspect.throwaway import IDLER, Throwaway
from checker.scanning import trialimages

pytestmark = pytest.mark.engine

BUSYBOX = "/bin/busybox"


@pytest.fixture
def throwaway(counts: None, engine: Engine) -> Iterator[Throwaway]:
    made = Throwaway(engine)
    yield made
    made.close()


def test_an_image_is_made_of_files_and_has_them(throwaway: Throwaway, engine: Engine) -> None:
    name = f"trial-{secrets.token_hex(4)}:1"
    assert throwaway.image(name, trialimages.root(trialimages.HIGH)) == name
    assert engine.client.api.inspect_image(name)["RootFS"]["Layers"]  # type: ignore[no-untyped-call]

    with throwaway.container(name, idle=tag_of("busybox")) as inside:
        place = "/usr/lib/python3/dist-packages/certifi-2023.5.7.dist-info/METADATA"
        ran = inside.run([IDLER, "grep", "Version: 2023", place], 20)
        assert (ran.exit_code, ran.said) == (0, "Version: 2023.5.7")
        assert inside.run(["/bin/sh", "-c", "true"], 20).exit_code in (126, 127)


def test_a_container_runs_what_its_image_is_for_or_nothing_at_all(throwaway: Throwaway) -> None:
    with throwaway.container(tag_of("busybox"), idle=tag_of("busybox")) as inside:
        assert inside.running()
        ran = inside.run([BUSYBOX, "sh", "-c", "echo out; echo err >&2; exit 3"], 20)
        assert ran.exit_code == 3
        assert set(ran.said.split()) == {"out", "err"}
        assert inside.run([BUSYBOX, "sleep", "60"], 0.2).exit_code is None
        assert inside.run(["curl", "http://127.0.0.1"], 20).exit_code in (126, 127)


def test_an_image_that_cannot_be_run_is_told(throwaway: Throwaway) -> None:
    name = throwaway.image(f"trial-{secrets.token_hex(4)}:1", trialimages.root(trialimages.CLEAN))
    with pytest.raises(EngineFault, match="cannot run"), throwaway.container(name):
        pass
