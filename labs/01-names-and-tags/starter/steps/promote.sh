# Write your answer for step 5, promote, here.
#
# Give one released image of $REPOSITORY the tags dev, staging and production - the very same
# image, without building anything.
