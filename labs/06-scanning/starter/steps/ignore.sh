# Write your answer for step 5, ignore, here.
#
# Write .trivyignore.yaml: what is left in $APP:$NEXT_VERSION and has no fix, each with a statement and an expiry within
# $REVIEW_DAYS days. Nothing else.
