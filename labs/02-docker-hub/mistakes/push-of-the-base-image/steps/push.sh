set -eu
docker tag registry-lab/busybox:1 "$REPOSITORY:$VERSION"
docker push --quiet "$REPOSITORY:$VERSION"
