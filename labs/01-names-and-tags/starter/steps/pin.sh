# Write your answer for step 7, pin, here.
#
# Write deploy/compose.yaml with a service whose image is the $VERSION release, pinned:
# $REPOSITORY@sha256:... In the end the tag stable names the $NEXT_VERSION release.
