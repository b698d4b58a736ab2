"""A `.gitlab-ci.yml` as it is read: its jobs, its lines, and what is no pipeline."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.pipelines.gitlab import pipelineschema
from checker.pipelines.gitlab.pipelinefile import BadPipeline, PipelineFile

TEXT = """\
stages: [build]
default:
  image: docker:24.0.5
.login: &login
  before_script:
    - docker info
build app:
  <<: *login
  stage: build
  variables:
    WORD: ember
  script:
    - make
    - |
      docker build \\
        --tag x .

      docker push x
    - >
      echo one
      two
    - !reference [.login, before_script]
pages:
  extends: .login
  script: [make]
"""
FILE = PipelineFile(TEXT)


def test_jobs_are_what_is_neither_a_key_of_gitlab_nor_hidden() -> None:
    assert FILE.jobs == ("build app", "pages")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("build app",), 7),
        (("build app", "stage"), 9),
        (("build app", "script", "0"), 13),
        (("build app", "script", "1"), 14),
        (("pages", "script"), 25),
        (("build app", "script", "9"), 12),
        (("build app", "nothing", "here"), 7),
        (("nowhere",), 1),
    ],
)
def test_a_path_leads_to_its_line_or_to_the_last_one_that_is_there(path: tuple[str, ...], line: int) -> None:
    assert FILE.line(*path) == line


@pytest.mark.parametrize(
    "name", ["build-app", "test:unit", "to prod", "1job", "it's", "größe", "a.b", "true", "2024"]
)
def test_a_problem_is_told_with_its_line_whatever_the_job_is_called(name: str) -> None:
    file = PipelineFile(f"stages: [a]\n\n{name}:\n  script: [x]\n  when: sometimes\n")
    assert [problem.line for problem in pipelineschema.problems(file)] == [5]


def test_a_command_over_several_lines_is_one_text_that_begins_in_its_first_line() -> None:
    texts = {(text.line, text.value) for text in FILE.texts() if text.job == "build app"}
    assert (15, "docker build    --tag x .") in texts
    assert (18, "docker push x") in texts
    assert any(line == 20 and value == "echo one two" for line, value in texts)


def test_a_text_of_the_whole_file_is_of_no_job() -> None:
    assert {text.job for text in FILE.texts() if text.path[0] in ("default", "stages")} == {""}


def test_a_command_that_ends_in_a_backslash_is_not_lost() -> None:
    file = PipelineFile("a:\n  script:\n    - |\n      echo x \\\n")
    assert [(text.line, text.value.split()) for text in file.texts()] == [(4, ["echo", "x"])]


def test_values_are_plain_data_with_texts_as_they_are_written() -> None:
    assert FILE.value("default") == {"image": "docker:24.0.5"}
    assert PipelineFile("variables: {A: 1.10, B: yes}\n").value("variables") == {"A": "1.10", "B": "yes"}
    assert FILE.value("include") is None


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", 1, "empty"),
        ("# nothing\n", 1, "empty"),
        ("- a\n- b\n", 1, "keys with values"),
        ("make\n", 1, "keys with values"),
        ("a:\n  script: x\na:\n  script: y\n", 3, "twice"),
        ("a:\n\tscript: x\n", 2, "cannot start"),
        ("a:\n  script: [x\n", 3, "expected"),
        ("a: {script: *x}\n", 1, "undefined alias"),
        ("a: 1\n---\nb: 2\n", 2, "another document"),
        ("a: &a\n  variables: *a\n", 1, "in itself"),
        ("a: &a [*a, *a, *a]\n", 1, "in itself"),
        ("a: \x00\n", 1, "special characters"),
    ],
)
def test_what_is_no_pipeline_is_refused_with_its_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(BadPipeline) as caught:
        PipelineFile(text)
    assert problem in caught.value.problem
    assert caught.value.line == line


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 x\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)),
        "a0: &a0 x\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 60)}]\n" for n in range(1, 10)),
        "a: " + "[" * 1200 + "]" * 1200,
    ],
)
def test_a_file_that_grows_when_it_is_read_is_refused_at_once(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(BadPipeline):
        list(PipelineFile(text).texts())
    assert time.process_time() - begun < 5


@given(st.text() | st.text(alphabet="ab:- \n[]{}&*!|>'\"#\\", max_size=60))
def test_any_text_is_a_pipeline_or_is_refused(text: str) -> None:
    line = 1
    try:
        file = PipelineFile(text)
        assert all(entry.line >= 1 for entry in file.texts())
        assert len(file.jobs) <= len(text)
    except BadPipeline as error:
        line = error.line
    assert 1 <= line <= len(text) + 1


# --------------------------------------------------------------------------------------------- the schema
SOUND = """\
include: {local: more.yml}
stages: [build, push]
workflow:
  rules: [{if: $CI_COMMIT_BRANCH}]
variables:
  WORD: {value: ember, description: The word}
.base: &base
  image: {name: "aquasec/trivy:0.50.0", entrypoint: [""]}
  services: ["docker:24.0.5-dind"]
build:
  <<: *base
  stage: build
  script: [!reference [.base, script], make]
  parallel: {matrix: [{A: [x, y]}]}
  coverage: '/Cov: (\\d+)/'
  only: {refs: [main, /^v\\d+$/], variables: [$WORD], changes: [app/**]}
  except: [tags]
push:
  stage: push
  needs: [{job: build, optional: true}]
  script: make push
  when: manual
  allow_failure: {exit_codes: [3]}
  retry: {max: 1, when: [runner_system_failure]}
  environment: {name: production}
"""


def test_a_sound_pipeline_has_nothing_wrong_by_the_schema() -> None:
    assert pipelineschema.problems(PipelineFile(SOUND)) == ()


@pytest.mark.parametrize(
    ("right", "wrong", "line", "says"),
    [
        ("  script: make push", "  scripts: make push", 21, "Is `script` meant?"),
        ("  stage: push\n", "  stages: push\n", 19, "Is `stage` meant?"),
        ("when: manual", "when: by-hand", 22, "'by-hand' is not one of"),
        ("stages: [build, push]", "stages: build", 2, "stages"),
        ("script: make push", "script: {run: make}", 21, "script"),
        ("parallel: {matrix: [{A: [x, y]}]}", "parallel: 1000", 14, "parallel"),
    ],
)
def test_what_the_schema_does_not_allow_is_told_with_its_line(
    right: str, wrong: str, line: int, says: str
) -> None:
    assert right in SOUND
    found = pipelineschema.problems(PipelineFile(SOUND.replace(right, wrong, 1)))
    assert any(says in problem.observed and problem.line == line for problem in found), found


@pytest.mark.parametrize("text", ["1:\n  script: [x]\n", "2026-01-01:\n  script: x\n", "on:\n  script: x\n"])
def test_names_that_yaml_takes_for_something_else_are_no_fault_of_the_machine(text: str) -> None:
    assert pipelineschema.problems(PipelineFile(text)) == ()
