"""GitLab pipelines: read, planned and really run."""
