"""Renderings of a report: one file each, each a pure function of the data.

`jsonform` is the documented machine form (see docs/instructor/report-form.md, and report.schema.json beside this file);
the others are made from the same `checker.base.model` values, or from `checker.report.grades` of them.
Import the one that is needed: this package imports none of them.
"""
