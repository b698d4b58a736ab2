# Write your answer for step 7, pin, here.
#
# Let the tag stable name the $VERSION release and write deploy/compose.yaml with a service whose
# image is that release, pinned: $REPOSITORY@sha256:... Then move stable to $NEXT_VERSION.
