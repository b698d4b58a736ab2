# Write your answer for step 4, fix, here.
#
# Write app/fixed.Dockerfile, build the folder app with it as $APP:$NEXT_VERSION, scan that into reports/fixed.json
# (JSON, everything), and push it as $REGISTRY/$APP:$NEXT_VERSION.
