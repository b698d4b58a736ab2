# Write your answer for step 2, sarif, here.
#
# Scan $APP:$VERSION into reports/urgent.sarif: HIGH and CRITICAL only, as SARIF.
