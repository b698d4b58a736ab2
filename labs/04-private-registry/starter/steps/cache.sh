# Write your answer for step 6, cache, here.
#
# Push $APP:$VERSION to $UPSTREAM. Write cache/config.yml, run the container $CACHE on
# 127.0.0.1:$CACHE_PORT with it, and pull $APP:$VERSION through it.
