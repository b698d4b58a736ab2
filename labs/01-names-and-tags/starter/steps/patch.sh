# Write your answer for step 4, patch, here.
#
# Publish $NEXT_VERSION, the next patch. Move those of the four tags that should follow it, and
# leave alone the one that must never move.
