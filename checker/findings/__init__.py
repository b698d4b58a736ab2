"""What is wrong with the things labs teach, as findings that the checks of any lab can use."""
