"""`make engines`: the labs against the engines that people have, each in a Debian 13 of its own."""
