# Write your answer for step 4, release, here.
#
# As $CICD_USER push two different images to $REPOSITORY: $VERSION and $NEXT_VERSION. As $ADMIN_USER
# delete the manifest of $NEXT_VERSION; $VERSION stays.
