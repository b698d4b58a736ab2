"""The base score of a CVSS 3 vector.

FIRST, "Common Vulnerability Scoring System v3.1: Specification Document", section 7.1 and appendix A.
"""

import re

WEIGHTS = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "PR": {"N": 0.85, "L": 0.62, "H": 0.27},
    "UI": {"N": 0.85, "R": 0.62},
    "S": {"U": 0.0, "C": 0.0},
    "C": {"H": 0.56, "L": 0.22, "N": 0.0},
    "I": {"H": 0.56, "L": 0.22, "N": 0.0},
    "A": {"H": 0.56, "L": 0.22, "N": 0.0},
}
PRIVILEGES_CHANGED = {"N": 0.85, "L": 0.68, "H": 0.5}
"""The weights of PR where the scope changes."""

RATINGS = ((9.0, "CRITICAL"), (7.0, "HIGH"), (4.0, "MEDIUM"), (0.1, "LOW"))
"""Table 14: the least score of each."""


def base_score(vector: str) -> float:
    """0.0 to 10.0. Raises ValueError for what is no vector of base metrics, in their usual order."""
    head, *parts = vector.split("/")
    metrics = dict(part.split(":", 1) for part in parts if ":" in part)
    if (
        not re.fullmatch(r"CVSS:3\.[01]", head)
        or list(metrics) != list(WEIGHTS)
        or len(parts) != len(metrics)
    ):
        raise ValueError(f"{vector!r} is no CVSS 3 vector of base metrics")
    if wrong := [name for name, value in metrics.items() if value not in WEIGHTS[name]]:
        raise ValueError(f"{vector!r} has a wrong value for {wrong[0]}")
    weight = {name: WEIGHTS[name][value] for name, value in metrics.items()}
    changed = metrics["S"] == "C"
    if changed:
        weight["PR"] = PRIVILEGES_CHANGED[metrics["PR"]]
    lost = 1 - (1 - weight["C"]) * (1 - weight["I"]) * (1 - weight["A"])
    impact = 7.52 * (lost - 0.029) - 3.25 * (lost - 0.02) ** 15 if changed else 6.42 * lost
    if impact <= 0:
        return 0.0
    exploitability = 8.22 * weight["AV"] * weight["AC"] * weight["PR"] * weight["UI"]
    total = (impact + exploitability) * (1.08 if changed else 1)
    return _round_up(min(total, 10))


def rating(score: float) -> str:
    """The word for a score, as Trivy spells it."""
    return next((word for least, word in RATINGS if score >= least), "UNKNOWN")


def _round_up(value: float) -> float:
    whole = round(value * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (whole // 10_000 + 1) / 10
