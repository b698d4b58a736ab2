# Write your answer for step 3, push-all, here.
#
# Let the image also have the tags X.Y and latest in $REPOSITORY, and push all three.
