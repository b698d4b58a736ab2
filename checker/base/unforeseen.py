"""Messages for errors of the machine that were not caught at their cause: full disks, missing programs,
permissions.
"""

import errno
import os
import sys

from checker.base.errors import EngineFault, EnvironmentFault, LabError, UsageError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_FILES = (errno.EMFILE, errno.ENFILE)
NO_RIGHT = (errno.EACCES, errno.EPERM, errno.EROFS)
NO_MEMORY = (errno.ENOMEM, errno.EAGAIN)


def told(error: BaseException) -> LabError | None:
    """Return what to tell a person about an error of the machine's; None for one that is a defect of ours."""
    if isinstance(error, MemoryError):
        return EnvironmentFault("The machine has no memory left.", "End other programs, and try again.")
    return _of_engine(error) or (_of_system(error) if isinstance(error, OSError) else None)


def exhausted(error: BaseException) -> LabError | None:
    """Return the same for a machine that has no more of something: room, memory, files, processes. Else None."""
    errors = (*NO_ROOM, *NO_FILES, *NO_MEMORY)
    short = isinstance(error, OSError) and error.errno in errors
    return told(error) if short or isinstance(error, MemoryError) else None


def _of_engine(error: BaseException) -> LabError | None:
    docker = sys.modules.get("docker.errors")  # nothing of it can have been raised before it was loaded
    if docker is None or not isinstance(error, docker.DockerException):
        return None
    if isinstance(error, docker.APIError):
        said = " ".join(str(error.explanation or error).split())[:300]
        return EngineFault(f"The container engine refused: {said}.", "`lab doctor` looks at it.")
    said = " ".join(str(error).split())[:300]
    return EngineFault(f"The container engine cannot be asked ({said}).", "`lab doctor` looks at it.")


def _of_system(error: OSError) -> LabError:
    why = error.strerror or str(error)
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    if error.errno == errno.ENOENT and not name and _folder_is_gone():
        return UsageError("The folder you are in is gone.", "Go to another one with `cd`, and try again.")
    if error.errno == errno.ENOENT and "temporary directory" in why:
        return EnvironmentFault(
            "There is no folder for temporary files that can be written.",
            "Make room in /tmp, or name another in TMPDIR.",
        )
    if error.errno == errno.ENOENT and name and "/" not in name:
        return EnvironmentFault(
            f"There is no {name} here.", f"If it is a program, install it; PATH is {_path()}."
        )
    if error.errno in NO_ROOM:
        return EnvironmentFault(
            f"There is no room left to write{' ' + name if name else ''} ({why}).",
            "Make room, and try again.",
        )
    if error.errno in NO_FILES:
        return EnvironmentFault(
            f"The system opens no more files ({why}).", "Raise the limit: `ulimit -n 1024`."
        )
    if error.errno in NO_MEMORY:
        return EnvironmentFault(
            f"The machine gives no more memory or processes ({why}).", "End other programs."
        )
    if error.errno in NO_RIGHT:
        return EnvironmentFault(
            f"{name or 'What is needed'} may not be used ({why}).",
            "Look whose it is, and who may read and write it.",
        )
    return EnvironmentFault(
        f"{name + ' cannot be used' if name else 'The system refused'}: {why}.", "Mend that, and try again."
    )


def _folder_is_gone() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - it is the call that fails
    except OSError:
        return True
    return False


def _path() -> str:
    return os.environ.get("PATH") or "empty"
