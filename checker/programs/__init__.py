"""Programs of the machine that labs use, and those that are fetched into the cache."""
