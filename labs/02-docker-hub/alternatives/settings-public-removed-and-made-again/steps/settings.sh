# What people read before they trust an image, and a second repository that is none of their business.
set -euo pipefail
. ./hub.sh
jq -n --rawfile readme README.md '{description: env.DESCRIPTION, full_description: $readme}' |
  hub PATCH "/v2/repositories/$HUB_USERNAME/$APP/" > /dev/null

# Private from its first moment: a push to a repository that is not there would make a public one.
internal=$APP-internal
# A push that came too early has made a public one: what was public is removed, never hidden.
docker tag "$REPOSITORY:$VERSION" "$REPOSITORY-internal:$VERSION"
docker push --quiet "$REPOSITORY-internal:$VERSION"
hub DELETE "/v2/repositories/$HUB_USERNAME/$internal/" > /dev/null
if ! hub GET "/v2/namespaces/$HUB_USERNAME/repositories/$internal" > /dev/null 2>&1; then
  name=$internal jq -n '{name: env.name, namespace: env.HUB_USERNAME, is_private: true}' |
    hub POST "/v2/namespaces/$HUB_USERNAME/repositories" > /dev/null
fi
docker tag "$REPOSITORY:$VERSION" "$REPOSITORY-internal:$VERSION"
docker push --quiet "$REPOSITORY-internal:$VERSION"
