set -eu
docker build --quiet --tag "$REPOSITORY" --build-arg GREETING="$GREETING" --build-arg VERSION="$NEXT_VERSION" app
docker push --quiet "$REPOSITORY"
