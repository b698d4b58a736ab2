# The tag is that of git, with a v before the number.
set -eu
docker build --quiet --build-arg VERSION="$VERSION" --tag "$REPOSITORY:v$VERSION" app
docker push --quiet "$REPOSITORY:v$VERSION"
