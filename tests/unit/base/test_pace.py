"""How slow and how starved a machine is: told from handed-in files, clock and work, never from the real ones."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from checker.base import pace, usage
from checker.base.counters import Counters
from checker.base.deadline import Deadline, soon
from checker.base.errors import EnvironmentFault, MachineTooSlow
from checker.base.pace import REFERENCE, Machine, Pace
from checker.base.usage import Used


class Bench:
    """A machine made of files. `pass_time` lets seconds go by with so much of them waited, stolen, held back."""

    def __init__(self, folder: Path, *, cores: int = 2) -> None:
        self.now = 100.0
        self.slowness, self.share = 1.0, 1.0
        self.folder = folder
        (folder / "proc/pressure").mkdir(parents=True)
        (folder / "proc/self").mkdir()
        (folder / "groups/room").mkdir(parents=True)
        (folder / "proc/self/cgroup").write_text("0::/room\n")
        self.waited = self.stolen = self.held = self.others = 0.0
        self.write()
        counters = Counters(folder / "proc", folder / "groups", cores)
        self.machine = Machine(counters, clock=lambda: self.now, work=self.burst)

    def burst(self) -> tuple[float, float]:
        cpu = REFERENCE * self.slowness
        return cpu, cpu / self.share

    def write(self) -> None:
        pressure = f"some avg10=0.00 avg60=0.00 avg300=0.00 total={int(self.waited * 1e6)}\n"
        (self.folder / "proc/pressure/cpu").write_text(pressure)
        ticks = int(self.stolen * usage.UNIT)
        used = int(self.others * usage.UNIT)
        lines = [
            f"cpu  1 2 3 4 5 6 7 {ticks} 0 0",
            f"cpu0 {used} 0 0 4 5 0 0 0 0 0",
            "cpu1 0 0 0 4 5 0 0 0 0 0",
        ]
        lines += ["cpu2 99 99 99 99 99 99 99 99 0 0", "intr 5"]
        (self.folder / "proc/stat").write_text("\n".join(lines))
        stat = f"usage_usec 5\nnr_throttled 1\nthrottled_usec {int(self.held * 1e6)}\n"
        (self.folder / "groups/room/cpu.stat").write_text(stat)

    def pass_time(
        self, seconds: float, *, waited: float = 0, stolen: float = 0, held: float = 0, others: float = 1.0
    ) -> None:
        """others: processors that programs beside us use."""
        self.others += seconds * others
        self.now += seconds
        self.waited += seconds * waited
        self.stolen += seconds * stolen
        self.held += seconds * held
        self.write()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize(
    ("measured", "factor"),
    [
        (Pace(), 1.0),
        (Pace(slowness=1.4), 1.0),
        (Pace(share=0.1), 10.0),
        (Pace(slowness=3.0, share=0.5), 6.0),
        (Pace(slowness=10.0, share=0.01), 20.0),
        (Pace(share=0.0), 20.0),
    ],
)
def test_limits_grow_with_the_slowness_between_one_and_twenty(measured: Pace, factor: float) -> None:
    assert measured.factor == pytest.approx(factor)


def test_a_measurement_tells_a_slow_processor_from_one_that_others_use(bench: Bench) -> None:
    bench.slowness, bench.share = 4.0, 0.5

    assert bench.machine.measure() == Pace(slowness=pytest.approx(4.0), share=pytest.approx(0.5))
    assert bench.machine.measure().processor == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("files", "cgroup"),
    [
        ({"groups/room/cpu.max": "10000 100000\n"}, "0::/room\n"),
        ({"groups/cpu.max": "20000 200000\n", "groups/room/cpu.max": "max 100000\n"}, "0::/room\n"),
        (
            {"groups/cpu/room/cpu.cfs_quota_us": "10000\n", "groups/cpu/room/cpu.cfs_period_us": "100000\n"},
            "3:cpu,cpuacct:/room\n2:memory:/x\n",
        ),
    ],
)
def test_a_limit_of_a_control_group_counts_even_where_a_burst_fits_into_it(
    bench: Bench, files: dict[str, str], cgroup: str
) -> None:
    (bench.folder / "proc/self/cgroup").write_text(cgroup)
    for name, text in files.items():
        (bench.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (bench.folder / name).write_text(text)

    assert bench.machine.measure().factor == pytest.approx(10.0)


def test_an_unlimited_group_counts_for_nothing(bench: Bench) -> None:
    (bench.folder / "groups/room/cpu.max").write_text("max 100000\n")
    (bench.folder / "groups/cpu.cfs_quota_us").write_text("-1\n")
    (bench.folder / "groups/cpu.cfs_period_us").write_text("100000\n")

    assert bench.machine.measure() == Pace()


def test_an_idle_machine_is_not_starved(bench: Bench) -> None:
    before = bench.machine.look()
    bench.pass_time(60, waited=0.05, stolen=0.01)

    assert bench.machine.starved(before) == ""


@pytest.mark.parametrize(
    ("what", "share", "told"),
    [
        ({"waited": 0.97}, 0.11, "programs waited for a processor in 97 % of 60 s"),
        ({"waited": 0.97}, 1.0, "97 %"),
        ({"waited": 0.3}, 0.5, "30 %"),
        ({"stolen": 0.8}, 1.0, "other systems on the same hardware took 40 %"),
        ({"held": 1.8}, 1.0, "a limit on its processors held it back for 90 %"),
    ],
)
def test_a_starved_machine_is_told_with_figures(
    bench: Bench, what: dict[str, float], share: float, told: str
) -> None:
    before = bench.machine.look()
    bench.share = share
    bench.pass_time(60, **what)

    sentence = bench.machine.starved(before)

    assert told in sentence
    assert f"a short calculation got {share * 100:.0f} % of one" in sentence


def test_a_moment_says_nothing(bench: Bench) -> None:
    before = bench.machine.look()
    bench.share = 0.1
    bench.pass_time(0.5, waited=1.0)

    assert bench.machine.starved(before) == ""


def test_a_little_pressure_needs_other_evidence(bench: Bench) -> None:
    before = bench.machine.look()
    bench.pass_time(60, waited=0.3)

    assert bench.machine.starved(before) == ""


def test_pressure_of_our_own_making_is_no_excuse(bench: Bench) -> None:
    before = bench.machine.look()
    bench.share = 0.2
    bench.pass_time(60, waited=1.0)

    assert bench.machine.starved(before, Used(cpu=110, waited=400, talks=False)) == ""
    assert bench.machine.starved(before, Used(cpu=20, waited=400, talks=False))


def test_a_program_of_ours_that_waited_is_evidence_where_the_machine_as_a_whole_did_not(bench: Bench) -> None:
    before = bench.machine.look()
    bench.pass_time(60)

    assert "90 %" in bench.machine.starved(before, Used(cpu=6, waited=54, talks=False))


def test_who_waits_for_its_own_programs_only_has_no_excuse(bench: Bench) -> None:
    """Loops on one processor of two, or in a container with a limit of its own: nobody else is there."""
    before = bench.machine.look()
    bench.pass_time(60, waited=1.0, others=0.0)

    assert bench.machine.starved(before) == ""
    assert bench.machine.starved(before, Used(cpu=10, waited=60, talks=False)) == ""


def test_without_the_kernels_files_a_short_calculation_decides(tmp_path: Path) -> None:
    now, got = [0.0], [1.0]
    counters = Counters(tmp_path / "none", tmp_path / "none", 2)
    machine = Machine(counters, lambda: now[0], lambda: (REFERENCE, REFERENCE / got[0]))
    before = machine.look()
    now[0] = 60.0

    assert (before.waited, before.stolen, before.held) == (None, None, None)
    assert machine.starved(before) == ""
    got[0] = 0.25
    assert "got 25 % of one" in machine.starved(before)


@pytest.mark.parametrize("text", ["", "some", "some total=", "\0", "cpu", "some total=x"])
def test_files_of_other_kernels_are_not_believed(bench: Bench, text: str) -> None:
    for name in ("proc/pressure/cpu", "proc/stat", "groups/room/cpu.stat", "groups/room/cpu.max"):
        (bench.folder / name).write_text(text)

    assert bench.machine.measure() == Pace()
    assert bench.machine.starved(bench.machine.look()) == ""


def test_this_machine_can_be_measured() -> None:
    measured = pace.HERE.measure()

    assert measured.slowness >= 1
    assert 0 < measured.share <= 1
    assert 1 <= measured.factor <= pace.MOST
    assert pace.usual() is pace.usual()


# Deadlines


def until_over(
    bench: Bench,
    seconds: float,
    used: Callable[[], Used | None] | None = None,
    quiet: bool = False,
    **what: float,
) -> tuple[float, str]:
    """Let time pass in steps of a second; how many went by until the deadline was over, and why."""
    deadline = Deadline(
        seconds, 7 if used else 0, bench.machine, lambda _: used() if used else None, lambda _: quiet
    )
    for _ in range(5000):
        if deadline.over():
            return deadline.elapsed, deadline.why
        bench.pass_time(1, **what)
    raise AssertionError("it is never over")


def test_on_an_idle_machine_a_limit_is_what_it_says(bench: Bench) -> None:
    assert until_over(bench, 60, waited=0.02) == (60, "")


def test_a_slow_processor_gets_more_time_and_no_excuse(bench: Bench) -> None:
    bench.slowness = 3.0

    assert until_over(bench, 60) == (180, "")


def test_a_starved_machine_gets_as_much_time_as_it_is_slower(bench: Bench) -> None:
    bench.share = 0.1
    passed, why = until_over(bench, 60, waited=0.9)

    assert passed == 600
    assert "90 %" in why


def test_no_limit_grows_more_than_twenty_times(bench: Bench) -> None:
    bench.share = 0.001

    assert until_over(bench, 10, waited=0.9)[0] == 200


def test_a_loop_that_was_given_its_limit_in_processor_time_has_no_excuse(bench: Bench) -> None:
    bench.share = 0.1
    began = bench.now

    def used() -> Used:
        return Used(cpu=(bench.now - began) * 0.1, waited=(bench.now - began) * 0.9, talks=False)

    assert until_over(bench, 60, used, waited=0.9) == (600, "")


def test_loops_on_all_processors_have_no_excuse(bench: Bench) -> None:
    bench.share = 0.2
    began = bench.now

    def used() -> Used:
        return Used(cpu=(bench.now - began) * 2, waited=(bench.now - began) * 6, talks=False)

    assert until_over(bench, 60, used, waited=1.0) == (60, "")


def test_sleeping_has_no_excuse_even_beside_busy_programs(bench: Bench) -> None:
    bench.share = 0.3

    assert until_over(
        bench, 60, lambda: Used(cpu=0.02, waited=0.1, talks=False, youngest=58), waited=1.0
    ) == (60, "")


def test_short_programs_one_after_the_other_have_an_excuse_where_all_there_was_of_a_processor_is_used(
    bench: Bench,
) -> None:
    bench.share, bench.slowness = 0.05, 2.6
    began = bench.now

    def used() -> Used:  # what waited has ended, and none is there at this moment
        passed = bench.now - began
        return Used(cpu=passed * 0.05, waited=0.0, talks=False, youngest=passed)

    passed, why = until_over(bench, 2, used, waited=0.95)
    assert passed >= 40
    assert "95 %" in why


def test_asking_again_and_again_has_an_excuse_on_a_starved_machine(bench: Bench) -> None:
    bench.share = 0.5

    assert until_over(bench, 60, lambda: Used(0.3, 0.1, talks=False, youngest=1), waited=1.0)[1]


def test_waiting_for_somebody_who_may_be_slow_has_one(bench: Bench) -> None:
    bench.share = 0.5
    passed, why = until_over(bench, 60, lambda: Used(cpu=0.02, waited=0.1, talks=True), waited=1.0)

    assert passed == 120
    assert why


def test_waiting_for_somebody_who_does_nothing_either_has_none(bench: Bench) -> None:
    bench.share = 0.5

    assert until_over(bench, 60, lambda: Used(0.02, 0.1, talks=True), quiet=True, waited=1.0) == (60, "")


def test_running_out_of_time_raises_only_on_a_starved_machine(bench: Bench) -> None:
    healthy = Deadline(1, 0, bench.machine)
    bench.pass_time(2)
    assert healthy.over()
    healthy.require("nothing came")

    starved = Deadline(1, 0, bench.machine)
    bench.pass_time(50, waited=0.9)
    assert starved.over()
    with pytest.raises(
        MachineTooSlow, match="The machine was too slow: nothing came; programs waited"
    ) as caught:
        starved.require("nothing came")
    assert "Close other programs" in caught.value.action
    assert isinstance(caught.value, EnvironmentFault)


def test_what_is_there_in_time_is_given_and_what_never_comes_is_empty(bench: Bench) -> None:
    seen = iter([0, 0, 3])

    assert soon(lambda: next(seen), 20, bench.machine) == 3
    assert soon(lambda: bench.pass_time(1), 3, bench.machine) is None


def test_what_does_not_come_in_time_on_a_starved_machine_is_an_error(bench: Bench) -> None:
    with pytest.raises(MachineTooSlow, match="within 3 s did not happen in 6 s"):
        soon(lambda: bench.pass_time(1, waited=0.9), 3, bench.machine)


# Trees of processes


def process(proc: Path, pid: int, parent: int, ticks: int, waited: int = 0, *open_files: str) -> None:
    folder = proc / str(pid)
    (folder / "task" / str(pid)).mkdir(parents=True)
    (folder / "fd").mkdir()
    fields = ["S", str(parent), *["0"] * 9, str(ticks), "0", "0", "0", *["0"] * 4, str(pid * usage.UNIT)]
    (proc / "uptime").write_text("100.5 3.0\n")
    (folder / "stat").write_text(f"{pid} (a ) program) {' '.join(fields)}\n")
    (folder / "task" / str(pid) / "schedstat").write_text(f"1 {waited} 1\n")
    for number, name in enumerate(open_files):
        (folder / "fd" / str(number)).symlink_to(name)


def test_a_tree_of_processes_is_added_up_without_its_neighbours(tmp_path: Path) -> None:
    process(tmp_path, 10, 1, 100, 5_000_000_000, "/dev/null")
    process(tmp_path, 11, 10, 200)
    process(tmp_path, 12, 11, 300, 0, "socket:[77]")
    process(tmp_path, 20, 1, 999)

    assert usage.tree(10, tmp_path) == Used(cpu=600 / usage.UNIT, waited=5.0, talks=True, youngest=88.5)
    assert usage.tree(11, tmp_path) == Used(cpu=500 / usage.UNIT, waited=0.0, talks=True, youngest=88.5)
    assert usage.tree(20, tmp_path) == Used(cpu=999 / usage.UNIT, waited=0.0, talks=False, youngest=80.5)


def test_a_server_that_waits_for_clients_waits_for_nobody(tmp_path: Path) -> None:
    process(tmp_path, 10, 1, 0, 0, "socket:[77]", "socket:[78]")
    net = tmp_path / "10/net"
    net.mkdir()
    (net / "tcp").write_text(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 1\n"
    )
    (net / "unix").write_text(
        "Num       RefCount Protocol Flags    Type St Inode Path\n"
        "0000000000000000: 00000002 00000000 00010000 0001 01 78 /tmp/x\n"
    )
    assert usage.tree(10, tmp_path) == Used(cpu=0, waited=0, talks=False, youngest=90.5)

    text = (net / "unix").read_text()
    (net / "unix").write_text(text.replace(" 01 78", " 03 78"))
    seen = usage.tree(10, tmp_path)
    assert seen is not None
    assert seen.talks


def test_nobody_wants_a_processor_or_somebody_does(tmp_path: Path) -> None:
    process(tmp_path, 10, 1, 0)
    process(tmp_path, 20, 1, 0)
    for changed, still in ((None, True), ("20", True), ("10", False)):
        turned = iter([0])

        def turn(_: float, changed: str | None = changed, turned: Iterator[int] = turned) -> None:
            if changed and next(turned, None) is not None:
                (tmp_path / changed / "task" / changed / "schedstat").write_text("900000000 5 1\n")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("checker.base.usage.time.sleep", turn)
            assert usage.quiet(10, tmp_path) is still
    assert not usage.quiet(99, tmp_path, 0)


def test_what_is_held_back_the_whole_time_wants_a_processor_though_nothing_counts_its_waiting(
    tmp_path: Path,
) -> None:
    process(tmp_path, 10, 1, 0)
    process(tmp_path, 11, 10, 0)
    stat = tmp_path / "11" / "stat"
    assert usage.quiet(10, tmp_path, 0.01)

    stat.write_text(stat.read_text().replace(") S ", ") R "))

    assert not usage.quiet(10, tmp_path, 0.01)


def test_sockets_of_a_helper_of_ours_do_not_count(tmp_path: Path) -> None:
    process(tmp_path, 10, 1, 0, 0, "socket:[1]")
    (tmp_path / "10/cmdline").write_bytes(b"python\0inside.py\0")
    process(tmp_path, 11, 10, 0, 0, "pipe:[2]")
    (tmp_path / "11/cmdline").write_bytes(b"sleep\09\0")

    for helper, talks in ("inside.py", False), ("side.py", True), ("", True):
        seen = usage.tree(10, tmp_path, helper)
        assert seen is not None
        assert seen.talks is talks


def test_where_nothing_is_seen_of_processes_nothing_is_said(tmp_path: Path) -> None:
    assert usage.tree(10, tmp_path / "none") is None
    assert usage.tree(10, tmp_path) is None


def test_the_sentence_of_an_answer_is_not_in_the_reports_form() -> None:
    from checker.base.results import AnswerRun, Outcome, StepReport
    from checker.report.jsonform import _step

    run = AnswerRun(
        exit_code=None, seconds=60.0, output="", timed_out=True, starved="The machine was too slow."
    )
    step = StepReport(step="a", title="A", outcome=Outcome.ERROR, points=0, max_points=0, answer=run)

    assert "starved" not in _step(step)["answer"]
    assert msgspec.json.decode(msgspec.json.encode(run), type=AnswerRun) == run
