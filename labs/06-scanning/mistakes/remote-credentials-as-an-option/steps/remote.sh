# The publisher's login is gone before the scanner comes: it shall manage with the right to pull.
set -eu
mkdir -p reports
image=$INSIDE/$TEAM/$APP:$VERSION
skopeo copy --src-daemon-host "$DOCKER_HOST" --dest-tls-verify=false --dest-creds "$PUBLISHER_USER:$PUBLISHER_PASSWORD" "docker-daemon:$APP:$VERSION" "docker://$image"
TRIVY_USERNAME=$SCANNER_USER TRIVY_PASSWORD=$SCANNER_PASSWORD \
  trivy image --image-src remote --format json --output reports/remote.json "$image"
