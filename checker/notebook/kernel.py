"""The kernel of a lab's notebooks: IPython's own, which says that its cells are bash.

JupyterLab colours cells by the language that the kernel names, and nearly all cells here are bash below a line
that begins with `%%`.
"""

from typing import Any

from ipykernel.ipkernel import IPythonKernel


class LabKernel(IPythonKernel):
    """Differs from IPython's kernel in nothing but the language for colours."""

    language_info: dict[str, Any] = {  # noqa: RUF012 -- so it is in the class above
        **IPythonKernel.language_info,
        "codemirror_mode": "shell",
        "mimetype": "text/x-sh",
        "pygments_lexer": "bash",
    }
