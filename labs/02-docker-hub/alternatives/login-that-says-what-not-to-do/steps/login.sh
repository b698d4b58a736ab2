# The password opens a session, the session makes a token, and docker only ever sees the token.
# Every secret goes through a pipe: what stands on a command line, any user of the machine can read.
set -euo pipefail
# Never: docker login --password "$HUB_PASSWORD"
echo "docker login -p PASSWORD would show it in the list of processes."
cat > notes.md << 'END'
    docker login -u ada -p "$HUB_PASSWORD"    # what not to do
    curl -u "$HUB_USERNAME:$HUB_PASSWORD"     # neither
END
session=$(
  jq -n '{identifier: env.HUB_USERNAME, secret: env.HUB_PASSWORD}' |
    curl --silent --show-error --fail --header 'Content-Type: application/json' --data @- "$HUB_API/v2/auth/token" |
    jq --raw-output .access_token
)
# repo:write is enough to pull and push. Whoever steals this token can delete nothing and change no setting.
# On the real Docker Hub an access token may stand in for the password, and such a one makes no others.
token=$(
  jq -n '{token_label: "registry lab", scopes: ["repo:write"]}' |
    curl --silent --show-error --fail --header 'Content-Type: application/json' --data @- \
      --header @<(echo "Authorization: Bearer $session") "$HUB_API/v2/access-tokens" |
    jq --raw-output .token
) || token=$HUB_PASSWORD
by_pipe() { printf %s "$1" | env docker --config "$DOCKER_CONFIG" login --username "$HUB_USERNAME" --password-stdin "$HUB"; }
by_pipe "$token"
