# The publisher's login lies in a file of its own for one copy, and is gone before the scanner comes.
set -eu
mkdir -p reports
image=$INSIDE/$TEAM/$APP:$VERSION
logins=$(mktemp)
trap 'rm -f "$logins"' EXIT
echo '{}' > "$logins"
printf %s "$PUBLISHER_PASSWORD" |
  skopeo login --tls-verify=false --authfile "$logins" --username "$PUBLISHER_USER" --password-stdin "$INSIDE"
docker save "$APP:$VERSION" --output "$TMPDIR/shop.tar"
skopeo copy --quiet --dest-tls-verify=false --authfile "$logins" "docker-archive:$TMPDIR/shop.tar" "docker://$image"
rm "$TMPDIR/shop.tar"
export TRIVY_USERNAME=$SCANNER_USER TRIVY_PASSWORD=$SCANNER_PASSWORD
trivy image --image-src remote --format json --output reports/remote.json "$image"
