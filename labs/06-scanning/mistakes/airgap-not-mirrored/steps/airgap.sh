# Somebody who may go out brings the database in; the scanner then asks only the registry inside.
set -eu
mkdir -p reports
trivy image --offline-scan --format json --output reports/airgap.json "$APP:$VERSION"
