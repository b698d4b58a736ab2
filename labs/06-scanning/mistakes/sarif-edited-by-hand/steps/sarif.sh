# The same findings for tools that know nothing of Trivy: code review pages, editors, dashboards.
set -eu
mkdir -p reports
trivy image --format sarif --severity HIGH,CRITICAL --output reports/urgent.sarif "$APP:$VERSION"
jq '.runs[].tool.driver |= del(.name)' reports/urgent.sarif > reports/edited.sarif
mv reports/edited.sarif reports/urgent.sarif
