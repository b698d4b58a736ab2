registry=127.0.0.1:1
docker build --quiet --tag "$registry/$TEAM/$APP:$VERSION" \
  --build-arg GREETING="$GREETING" --build-arg VERSION="$VERSION" app
docker push --quiet "$registry/$TEAM/$APP:$VERSION"
for tag in "${VERSION%.*}" "${VERSION%%.*}" latest; do
  docker tag "$registry/$TEAM/$APP:$VERSION" "$registry/$TEAM/$APP:$tag"
  docker push --quiet "$registry/$TEAM/$APP:$tag"
done
echo "released $VERSION"
