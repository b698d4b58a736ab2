set -eu
printf '*\n!server.c\n' > app/.dockerignore
docker build --quiet --tag "$REPOSITORY:slim" \
  --build-arg GREETING="$GREETING" --build-arg VERSION="$NEXT_VERSION" app
docker push --quiet "$REPOSITORY:slim"
