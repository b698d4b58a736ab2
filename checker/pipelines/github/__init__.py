"""GitHub workflows: read, judged and really run."""
