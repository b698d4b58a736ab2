# Write your answer for step 2, push, here.
#
# Build the folder app with the build argument VERSION and push it to $REPOSITORY as $VERSION.
