# The name says where it goes: the registry, the account there, the repository, the tag.
set -eu
docker build --quiet --tag "$REPOSITORY:$VERSION" app
docker push --quiet "$REPOSITORY:$VERSION"
