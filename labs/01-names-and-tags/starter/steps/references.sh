# Write your answer for step 1, references, here.
#
# given.txt lists image names as people write them. Make a file references.txt with one line for
# each of them: the name, an arrow, and its full form - or the word invalid.
#
#     nginx -> docker.io/library/nginx:latest
#
# The names change from run to run. Use $APP, $TEAM, $REGISTRY, $VERSION, $BUILD_NUMBER, $DIGEST
# and $HALF (half a digest) instead of what stands there now.
