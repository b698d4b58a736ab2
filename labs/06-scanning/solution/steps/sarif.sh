# The same findings for tools that know nothing of Trivy: code review pages, editors, dashboards.
set -eu
mkdir -p reports
trivy image --format sarif --severity HIGH,CRITICAL --output reports/urgent.sarif "$APP:$VERSION"
