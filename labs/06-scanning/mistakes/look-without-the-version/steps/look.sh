# One report with everything, for the record, and one with what somebody should look at today.
set -eu
mkdir -p reports
docker build --quiet --tag "$APP:$VERSION" app
trivy image --format json --output reports/all.json "$APP:$VERSION"
trivy image --format json --severity HIGH,CRITICAL --output reports/urgent.json "$APP:$VERSION"
