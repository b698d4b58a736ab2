set -eu
docker login --username "$HUB_USERNAME" --password-stdin "$HUB" <<< "$HUB_PASSWORD"
