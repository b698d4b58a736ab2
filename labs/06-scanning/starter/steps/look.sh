# Write your answer for step 1, look, here.
#
# Build the folder app with the build argument VERSION as $APP:$VERSION. Scan it into reports/all.json (everything) and
# reports/urgent.json (HIGH and CRITICAL only), both as JSON.
