"""Running what learners write for a CI service, for real: sandboxed, offline, against the lab's services."""
