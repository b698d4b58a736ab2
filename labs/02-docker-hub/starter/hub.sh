# A command for the hub's HTTP API. Read it in with `. ./hub.sh`, then:
#
#     hub GET /v2/namespaces/$HUB_USERNAME/repositories
#     jq -n '{description: "..."}' | hub PATCH /v2/repositories/$HUB_USERNAME/$APP/
#
# What is to be sent comes on standard input, the hub's answer goes to standard output. If the hub refuses, its
# reason is printed and the command fails. Password and session go through pipes and never on a command line:
# there every user of the machine could read them.

hub_session() {
  jq -n '{identifier: env.HUB_USERNAME, secret: env.HUB_PASSWORD}' |
    curl --silent --show-error --fail-with-body --header 'Content-Type: application/json' --data @- \
      "$HUB_API/v2/auth/token" |
    jq --raw-output .access_token
}

hub() {
  local session
  local body=(--header 'Content-Type: application/json' --data @-)
  case $1 in GET | HEAD | DELETE) body=() ;; esac
  session=$(hub_session) || return
  curl --silent --show-error --fail-with-body --request "$1" \
    --header @<(echo "Authorization: Bearer $session") "${body[@]}" "$HUB_API$2"
}
