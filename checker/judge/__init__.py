"""From answers to verdicts: answers run, checks look, and a replay does both from nothing."""
