"""A private engine for one replay, in a room from which nothing outside can be seen or changed.

`room` makes it, with `roots` (what files there are), `limits` (cgroups) and `linux` (the kernel's own names);
`stock` has base images ready, `worker` replays inside, `nursery` makes workers cheap.
"""
