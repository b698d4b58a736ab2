# Nothing is built: what was tested is what goes on. Pulling first makes this work on any machine.
set -eu
docker pull --quiet "$REPOSITORY:$VERSION"
for environment in dev staging production; do
  docker tag "$REPOSITORY:$VERSION" "$REPOSITORY:$environment"
  docker push --quiet "$REPOSITORY:$environment"
done
