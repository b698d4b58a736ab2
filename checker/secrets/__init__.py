"""Secrets where none may be: by their form, in files, images and git histories."""
