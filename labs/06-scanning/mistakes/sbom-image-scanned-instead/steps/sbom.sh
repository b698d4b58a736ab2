# What is inside does not change any more; what is known about it does. So keep the list, and scan that.
set -eu
mkdir -p reports
trivy image --format cyclonedx --output reports/sbom.json "$APP:$VERSION"
trivy image --format json --output reports/from-sbom.json "$APP:$VERSION"
