"""The live board of a class: learners who opted in send how they stand, an instructor sees it at once.

`protocol` says what is sent, `client` and `sender` send it, `store` keeps it, `server` takes and shows it.
Names, standings, finding codes and counts of hints are all that ever leaves a learner's machine.
"""
