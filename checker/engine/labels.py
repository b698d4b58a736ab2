"""The labels on everything that this project creates in an engine."""

from checker.engine.connection import LABEL

OWNER = f"{LABEL}.owner"
LAB = f"{LABEL}.lab"
SERVICE = f"{LABEL}.service"
PORTS = f"{LABEL}.ports"
VALUES = f"{LABEL}.values"
OWNED = f"{LABEL}.owned"
"""Patterns of the image names the run makes: cleaning up must not need the lab's files."""
RESOURCES = f"{LABEL}.resources"
"""Patterns of the names of containers, networks and volumes the run's answers make."""
REAL = f"{LABEL}.real"
"""The services of the run that are the real ones: name -> kind."""
PROCESS = f"{LABEL}.process"
"""On what must not outlive the process that made it: `PID:START TIME`."""
PLACE = f"{LABEL}.place"
"""The folder of the run's workspace."""
