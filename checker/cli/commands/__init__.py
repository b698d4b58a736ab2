"""The commands of `lab`: options, texts and exit codes, by who uses them."""
