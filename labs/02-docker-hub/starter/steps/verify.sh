# Write your answer for step 4, verify, here.
#
# Remove all local copies, pull $REPOSITORY:$VERSION, and run it as the container $CONTAINER with port 8080
# published on 127.0.0.1:$PORT.
