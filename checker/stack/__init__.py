"""The real services that a lab needs, from their start to their end."""
