"""Running what strangers wrote: a box for one pipeline, a room for a whole grading."""
