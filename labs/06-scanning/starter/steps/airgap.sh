# Write your answer for step 11, airgap, here.
#
# Mirror $VENDOR/trivy-db:2 to $INSIDE/$TEAM/trivy-db:2. With the database from there and an empty cache, scan
# $APP:$VERSION into reports/airgap.json.
