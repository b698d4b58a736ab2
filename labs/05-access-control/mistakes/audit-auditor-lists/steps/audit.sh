# Who looks at the record should not be somebody who is in it: the auditor reads it and can do nothing else.
set -eu
grep -q '^role auditor' access/registry-rbac.conf ||
  printf 'role auditor {\n  registry audit catalog\n}\n' >> access/registry-rbac.conf

# Layers are events too; an image is what has a manifest. A deletion is told without a media type.
{
  echo at,actor,action,repository,digest
  printf 'user = "%s:%s"\n' "$AUDITOR_USER" "$AUDITOR_PASSWORD" |
    curl --silent --show-error --fail --config - "http://$API/events" |
    jq --raw-output '.[]
      | select((.media_type | test("manifest")) or .action == "delete")
      | [.at, .actor, .action, .repository, .digest] | @csv'
} > audit.csv
