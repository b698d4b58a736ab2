"""registry-lab: practise with real container registries, graded by looking at the real thing."""

__version__ = "0.1.0"
