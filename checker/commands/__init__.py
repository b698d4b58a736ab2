"""What the commands of the `lab` command line do, above the stages and below the options."""
