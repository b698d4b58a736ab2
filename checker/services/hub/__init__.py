"""A stand-in for Docker Hub: its HTTP API, its pull limits and its webhooks, around a real registry."""

from checker.services.hub.hub import build_hub

__all__ = ["build_hub"]
