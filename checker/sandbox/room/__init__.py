"""A room: a private world for one grading, with its own engine, files, processes and network."""
