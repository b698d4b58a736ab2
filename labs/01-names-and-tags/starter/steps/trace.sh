# Write your answer for step 6, trace, here.
#
# Push one image of the app under two tags: sha-<short hash of this folder's HEAD commit> and
# $BUILD_DATE-$BUILD_NUMBER. Its label org.opencontainers.image.revision is the full commit hash.
