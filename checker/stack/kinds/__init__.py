"""The kinds of service that labs can ask for, one module each: how it starts, and what a check sees of it."""
