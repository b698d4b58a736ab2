"""What the stand-ins do. Runs inside the sandbox, as scripts, with nothing but Python's own library."""
