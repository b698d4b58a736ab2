"""The `lab` command: its commands lie in `commands/`, and what they do is done elsewhere."""

import os
import sys

import click

from checker import __version__
from checker.base import streams
from checker.base.errors import ExitCode
from checker.cli.commands import author, instructor, learner, machine
from checker.cli.common import console
from checker.cli.endings import finish, guarded, heed_signals

EXAMPLES = """\b
Examples:
  lab start 01              lay out the workspace and start the registry
  lab show 01 build         read what the step is about
  lab run 01 build          run your answer and see whether it is right
  lab check                 look at everything again
  lab stop --all            leave no trace

\b
Exit codes: 0 all passed, 1 some step failed, 2 wrong usage,
3 the environment is at fault (engine, registry, broken lab).
"""


@click.group(
    epilog=EXAMPLES,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="lab")
@click.option(
    "--online",
    is_flag=True,
    help="Scan with Trivy's own advisories, fetched from the internet, not with the lab's few.",
)
@click.pass_context
def cli(context: click.Context, online: bool) -> int:
    """Practise with real container registries; every step is checked by looking at the real thing.

    Without a command it says where you are and what to do next.
    """
    if online:
        from checker.scanning.trivy import CHOICE

        os.environ[CHOICE] = "online"  # for whatever this command starts, too
    if context.invoked_subcommand is None:
        from checker.cli import tables
        from checker.lab.catalog import Catalog
        from checker.practice import whereabouts

        labs = whereabouts.all_labs(Catalog())
        tables.whereabouts(labs, whereabouts.next_commands(labs), console())
    return ExitCode.PASSED


for _command in (*machine.COMMANDS, *learner.COMMANDS, *instructor.COMMANDS, *author.COMMANDS):
    cli.add_command(_command)


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the `lab` command: every way of ending becomes an exit code and a message."""
    streams.make_lenient()
    heed_signals()
    sys.exit(finish(guarded(lambda: cli.main(arguments, prog_name="lab", standalone_mode=False))))


if __name__ == "__main__":
    main()
