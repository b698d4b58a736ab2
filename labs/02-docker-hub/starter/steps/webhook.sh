# Write your answer for step 6, webhook, here.
#
# Register a webhook for $RECEIVER_URL in the repository of $APP. Then build $NEXT_VERSION and push it.
