"""Labs and workspaces: what an author writes, what a learner writes, what a run is given."""
