# No registry: docker.io. No team on docker.io: library. No tag and no digest: latest.
# A digest decides by itself, so a tag in front of it is left out of the full form.
set -eu
cat > references.txt <<END
$APP -> docker.io/library/$APP:latest
$APP:$VERSION -> docker.io/library/$APP:$VERSION
$TEAM/$APP -> docker.io/$TEAM/$APP:latest
docker.io/$APP:$VERSION -> docker.io/library/$APP:$VERSION
ghcr.io/$TEAM/$APP -> ghcr.io/$TEAM/$APP:latest
localhost/$APP:$VERSION -> localhost/$APP:$VERSION
$REGISTRY/$TEAM/$APP:$VERSION -> $REGISTRY/$TEAM/$APP:$VERSION
registry.example.com/$TEAM/tools/$APP -> registry.example.com/$TEAM/tools/$APP:latest
$TEAM/$APP@$DIGEST -> docker.io/$TEAM/$APP@$DIGEST
$REGISTRY/$TEAM/$APP:$VERSION@$DIGEST -> $REGISTRY/$TEAM/$APP@$DIGEST

# A capital in the path, a + in the tag, a hyphen at its start, half a digest, a URL.
$TEAM/Web-$APP -> docker.io/$TEAM/Web-$APP:latest
$APP:$VERSION+$BUILD_NUMBER -> invalid
$APP:-$VERSION -> invalid
$APP@sha256:$HALF -> invalid
https://$REGISTRY/$TEAM/$APP -> invalid
END
