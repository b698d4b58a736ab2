"""Scanning for known vulnerabilities with Trivy: the lab's own advisories, running it, reading reports."""
