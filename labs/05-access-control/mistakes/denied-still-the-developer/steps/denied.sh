# The developer pushes, the read-only account pulls the same image: so it is known there, its password
# is right, and when its push is refused there is only one reason left.
set -eu
login() { printf %s "$2" | docker login --username "$1" --password-stdin "$REGISTRY"; }

login "$DEVELOPER_USER" "$DEVELOPER_PASSWORD"
echo "FROM registry-lab/busybox:1" | docker build --quiet --label stage=dev --tag "$REPOSITORY:dev" -
docker push --quiet "$REPOSITORY:dev"

docker pull --quiet "$REPOSITORY:dev"
docker tag "$REPOSITORY:dev" "$REPOSITORY:mine"
if docker push --quiet "$REPOSITORY:mine"; then
  echo "It went through?"
fi
