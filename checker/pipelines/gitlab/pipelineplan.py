"""The plan of a pipeline for one ref, and the includes that cannot be had here."""

from collections.abc import Iterator

import msgspec

from checker.pipelines.gitlab.pipelinefile import PipelineFile
from checker.pipelines.problem import FileProblem


class PipelinePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is run.

    text: the file for gitlab-ci-local, with the jobs that are started. jobs: the names of all that `only` and
    `except` keep. left_out: those of them that are not in the pipeline, by their rules. held: those that nobody
    has clicked, and that wait for them. dropped: not in the pipeline by `only`, `except` or the rules of
    `workflow`. notes: what is otherwise here than on GitLab. doubts: conditions that do not mean what they seem
    to. All in the file's order, sentences begin with the job's name.
    """

    text: str
    jobs: tuple[str, ...]
    left_out: tuple[str, ...]
    held: tuple[str, ...]
    dropped: tuple[str, ...]
    notes: tuple[str, ...]
    doubts: tuple[str, ...]
    refusals: tuple[FileProblem, ...]

    @property
    def started(self) -> tuple[str, ...]:
        """The jobs that run if none fails."""
        return tuple(name for name in self.jobs if name not in {*self.left_out, *self.held})


def included(file: PipelineFile) -> Iterator[FileProblem]:
    """Files of elsewhere that the pipeline includes: nothing of them can be had here."""
    value = file.value("include")
    for entry in value if isinstance(value, list) else [value]:
        of_here = entry is None or (isinstance(entry, dict) and "local" in entry)
        if isinstance(entry, str):
            of_here = "://" not in entry
        if not of_here:
            shown = entry if isinstance(entry, dict) else {}
            what = ", ".join(f"{key}: {shown[key]}" for key in shown) or str(entry)
            yield FileProblem(
                code="pipeline-include-not-there",
                line=file.line("include"),
                observed=f"It includes {what}, which only GitLab or the internet has.",
                action="Write the jobs into the file itself, or include a file of the project with local.",
            )
