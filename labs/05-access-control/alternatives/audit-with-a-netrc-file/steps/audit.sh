# Who looks at the record should not be somebody who is in it: the auditor reads it and can do nothing else.
set -eu
grep -q '^role auditor' access/registry-rbac.conf ||
  printf 'role auditor {\n  registry audit\n}\n' >> access/registry-rbac.conf

# Layers are events too; an image is what has a manifest. A deletion is told without a media type.
{
  echo at,actor,action,repository,digest
  curl --silent --show-error --fail "http://$API/events" \
    --netrc-file <(printf 'machine 127.0.0.1 login %s password %s\n' "$AUDITOR_USER" "$AUDITOR_PASSWORD") |
    jq --raw-output '.[]
      | select((.media_type | test("manifest")) or .action == "delete")
      | [.at, .actor, .action, .repository, .digest] | @csv'
} > audit.csv
