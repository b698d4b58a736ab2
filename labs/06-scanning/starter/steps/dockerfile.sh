# Write your answer for step 8, dockerfile, here.
#
# Check the Dockerfile in app into reports/dockerfile.json. Write app/hardened.Dockerfile, in which nothing is
# found, and build it as $APP:$VERSION-hardened.
