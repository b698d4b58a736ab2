# Write your answer for step 3, denied, here.
#
# As $DEVELOPER_USER push an image to $REPOSITORY. As $READONLY_USER pull it, and then really try to
# push to $REPOSITORY: it has to be refused.
