"""Whether a crontab has something scanned on every day: by what cron would really run, and when.

Commands are tried as cron runs them, with sh and in the home folder, in a copy of the workspace whose sweep.sh
only leaves a mark. They find the values that answers find; a schedule needs these wherever it is installed.
"""

from collections.abc import Mapping, Sequence

import crontab
from checker.check import fail
from checker.lab.workspace import Workspace
from checker.sandbox.box import BoxRun
from crontab import Line
from scripts import Scripts

SCRIPT = "sweep.sh"
MOST = 12
"""Different commands that are tried."""
EXAMPLE = "17 4 * * * bash $WORKSPACE/sweep.sh"


def require_daily(workspace: Workspace, scripts: Scripts) -> None:
    """That the lines of the file crontab together run sweep.sh at least once on every day."""
    text = workspace.read("crontab")
    jobs = crontab.lines(text or "")
    about = [job for job in jobs if SCRIPT in job.text or str(workspace.path) in job.text]
    if not about:
        fail(
            "not-scheduled",
            expected="A line of the file crontab runs sweep.sh.",
            observed="There is no such file." if text is None else "The file has no such line.",
            action="Five fields for the time, and then the command: minute, hour, day, month, day of the "
            "week.",
        )
    if wrong := next((job for job in jobs if not job.understood), None):
        fail(
            "crontab-refused",
            expected="Every line of the file crontab is one that cron understands, or it takes none of the file.",
            observed=f"It does not understand `{wrong.text[:100]}`.",
            action="Five fields for the time (minute, hour, day, month, day of the week), or a word such as "
            f"@daily, and then the command: {EXAMPLE}",
        )
    ran = {key: scripts.job(job) for key, job in list({_key(job): job for job in about}.items())[:MOST]}
    good = [job for job in about if (_key(job) in ran and ran[_key(job)] is None)]
    if not good:
        runs_nothing(about[0], ran[_key(about[0])])
    day = crontab.first_day_without(good)
    if day is not None:
        other = next((job for job in about if job not in good), None)
        fail(
            "scheduled-too-rarely",
            expected="The lines of crontab that run sweep.sh together do so at least once on every day.",
            observed=f"On {day:%A}, {day:%Y-%m-%d}, for example, none of these runs: {shown(good)}."
            + (f" The command of `{other.text[:80]}` does not start it." if other else ""),
            action="Give a minute and an hour, and a star for day, month and day of the week; or more lines, "
            "for the days that are left.",
        )


def runs_nothing(job: Line, ran: BoxRun | None) -> None:
    """Say what came of a command that did not start sweep.sh."""
    said = " ".join(ran.output.split())[-160:] if ran else ""
    ended = (
        f"It ended with {ran.exit_code}" if ran and ran.exit_code is not None else "It did not end in time"
    )
    fail(
        "schedule-runs-nothing",
        expected="What a line of crontab runs is sweep.sh.",
        observed=f"cron gives `{job.command[:100]}` to sh, in the home folder, and sweep.sh is not started. "
        f"{ended}" + (f" and said: {said.rstrip('.')}." if said else "."),
        action=f"Give the whole path: {EXAMPLE} (as $WORKSPACE is in double quotes, the shell that writes the "
        "file puts the path in). A percent sign ends the command, unless a backslash stands before it.",
    )


def shown(jobs: Sequence[Line]) -> str:
    """Return the lines, for a sentence's end."""
    return "; ".join(f"`{job.text[:80]}`" for job in jobs[:3]) + ("; and more" if len(jobs) > 3 else "")


def _key(job: Line) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    settings: Mapping[str, str] = job.settings
    return job.command, job.input, tuple(sorted(settings.items()))
