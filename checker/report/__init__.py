"""Renderings of a report: one file each, each a pure function of the data.

`jsonform` is the documented machine form (see README.md and report.schema.json beside this file);
`junit`, `markdown`, `github`, `terminal` and `html` are made from the same `checker.model` values.
Import the one that is needed: this package imports none of them.
"""
