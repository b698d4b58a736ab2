# The publisher's login is gone before the scanner comes: it shall manage with the right to pull.
set -eu
mkdir -p reports
image=$INSIDE/$TEAM/$APP:$VERSION
docker login --username "$PUBLISHER_USER" --password-stdin "$INSIDE" <<< "$PUBLISHER_PASSWORD"
docker tag "$APP:$VERSION" "$image"
docker push --quiet "$image"
trivy image --image-src remote --format json --output reports/remote.json "$image"
