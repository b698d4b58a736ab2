"""Grading a class: who handed in what, rooms side by side, and results that survive an interruption."""
