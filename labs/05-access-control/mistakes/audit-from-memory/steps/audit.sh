# Who looks at the record should not be somebody who is in it: the auditor reads it and can do nothing else.
set -eu
grep -q '^role auditor' access/registry-rbac.conf ||
  printf 'role auditor {\n  registry audit\n}\n' >> access/registry-rbac.conf


# Everybody knows what happened.
{
  echo at,actor,action,repository,digest
  now=$(date --utc +%Y-%m-%dT%H:%M:%SZ)
  echo "$now,$CICD_USER,push,$TEAM/$APP,$VERSION"
  echo "$now,$ADMIN_USER,delete,$TEAM/$APP,$NEXT_VERSION"
} > audit.csv
