"""Checks of lab 07, in two modules: GitHub's workflows and GitLab's pipeline."""

from github import *  # noqa: F403
from gitlab import *  # noqa: F403
