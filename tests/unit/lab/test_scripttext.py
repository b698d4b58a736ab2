"""Scripts as editors of other systems save them: bash says little, so the lab does."""

from pathlib import Path

import pytest

from checker.judge import answers
from checker.lab import scripttext
from checker.lab.workspace import Workspace


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "build.sh"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"set -eu\r\necho x\r\n", "build.sh, line 1, a line ends in CR LF"),
        (b"# ok\necho x\r\n", "build.sh, line 2, a line ends in CR LF"),
        (b"\xef\xbb\xbfecho x\n", "begins with a byte order mark"),
        ("echo x\n".encode("utf-16"), "is in UTF-16"),
        ("echo x\n".encode("utf-16-le"), "is in UTF-16"),
        (b"printf 'a\\r\\n'\necho x\n", ""),
        (b"", ""),
    ],
)
def test_the_form_is_told(script: Path, data: bytes, told: str) -> None:
    script.write_bytes(data)
    assert told in scripttext.form(script)
    assert bool(told) == bool(scripttext.form(script))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("set -eu\ndocker\u00a0push x\n", "line 2, column 7, is U+00A0 (NO-BREAK SPACE)"),
        ("echo \u201cx\u201d\n", "line 1, column 6, is U+201C"),
        ("do\u200bcker push\n", "column 3, is U+200B"),
        ("echo 'viel\u00a0Spa\u00df' \"\u201efertig\u201c\"\n# so\u00a0wie hier\n", ""),
        ("echo größe 卒業\n", ""),
    ],
)
def test_a_character_that_only_looks_right_is_told_by_its_place(script: Path, text: str, told: str) -> None:
    script.write_text(text)
    assert told in scripttext.look_alike(script)
    assert bool(told) == bool(scripttext.look_alike(script))


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("set -eu\r\necho x\r\n", 0, "[lab] In build.sh, line 1, a line ends in CR LF"),
        ("echo\u00a0x\n", 127, "[lab] In build.sh, line 1, column 5, is U+00A0"),
        ("echo\u00a0x || true\n", 0, ""),
    ],
)
def test_what_is_told_stands_in_the_output(
    tmp_path: Path, script: Path, text: str, code: int, told: str
) -> None:
    script.write_bytes(text.encode())

    run = answers.run_script(
        Workspace(tmp_path),
        script,
        {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        lambda _: None,
        time_limit=20,
    )

    assert run.exit_code == code
    assert told in run.output
    assert ("[lab]" in run.output) == bool(told)
