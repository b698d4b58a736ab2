# Write your answer for step 9, remote, here.
#
# Push $APP:$VERSION to $INSIDE/$TEAM/ as $PUBLISHER_USER. Scan it there as $SCANNER_USER, without the engine, into
# reports/remote.json.
