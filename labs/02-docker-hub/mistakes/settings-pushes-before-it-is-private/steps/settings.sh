# What people read before they trust an image, and a second repository that is none of their business.
set -euo pipefail
. ./hub.sh
jq -n --rawfile readme README.md '{description: env.DESCRIPTION, full_description: $readme}' |
  hub PATCH "/v2/repositories/$HUB_USERNAME/$APP/" > /dev/null

docker tag "$REPOSITORY:$VERSION" "$REPOSITORY-internal:$VERSION"
docker push --quiet "$REPOSITORY-internal:$VERSION"
