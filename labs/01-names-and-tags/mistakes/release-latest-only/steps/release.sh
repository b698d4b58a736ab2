set -eu
docker build --quiet --tag "$REPOSITORY" --build-arg GREETING="$GREETING" --build-arg VERSION="$VERSION" app
docker push --quiet "$REPOSITORY"
