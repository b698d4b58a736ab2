# All that has a fix comes from the base image, so the newer base is the whole fix.
set -eu
mkdir -p reports
sed 's|^FROM .*|FROM registry-lab/shop-base:2|' app/Dockerfile > app/fixed.Dockerfile
docker build --quiet --build-arg VERSION="$VERSION" --file app/fixed.Dockerfile --tag "$APP:$NEXT_VERSION" app
trivy image --format json --output reports/fixed.json "$APP:$NEXT_VERSION"
docker tag "$APP:$NEXT_VERSION" "$REGISTRY/$APP:$NEXT_VERSION"
docker push --quiet "$REGISTRY/$APP:$NEXT_VERSION"
