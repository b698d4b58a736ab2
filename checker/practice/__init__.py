"""One learner at work: the session, what is watched, where they are, and handing in."""
