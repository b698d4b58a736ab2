"""`lab watch` on a terminal: the learner's home, full screen, drawn with Textual.

`look` makes texts of what is known, `app` shows them and obeys keys, `run` starts and ends it all.
"""
