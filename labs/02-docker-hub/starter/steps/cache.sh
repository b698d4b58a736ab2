# Write your answer for step 8, cache, here.
#
# Pull $CACHED:$NEXT_VERSION, forget it, stop $HUB_CONTAINER, pull it again, and start the hub.
