"""Shell scripts, read with a parser: which programs they call, with which arguments."""
