# Somebody who may go out brings the database in; the scanner then asks only the registry inside.
set -eu
mkdir -p reports
docker login --username "$PUBLISHER_USER" --password-stdin "$INSIDE" <<< "$PUBLISHER_PASSWORD"
printf 'FROM scratch\nCOPY db /\n' > "$TMPDIR/Dockerfile"
echo database > "$TMPDIR/db"
docker build --quiet --tag "$INSIDE/$TEAM/trivy-db:2" "$TMPDIR"
docker push --quiet "$INSIDE/$TEAM/trivy-db:2"
docker image rm "$INSIDE/$TEAM/trivy-db:2"
docker logout "$INSIDE"
trivy image --format json --output reports/airgap.json "$APP:$VERSION"
