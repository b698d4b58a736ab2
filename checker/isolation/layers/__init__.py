"""Where a room's engine keeps layers: a graph driver of our own.

Why: an engine in a user namespace does not read a layer's changes from its upper folder. It compares whole trees, and
then sleeps until the second is over, for every instruction of a Dockerfile, those that change no file included. What it
is not able to tell apart there, a driver that it asks over a socket may know: the kernel's overlay file system marks
changes with attributes that root of a room may set and read (`userxattr`, Linux 5.11).
"""
