# An image does not change, and yet it gets worse: every day something new is known about it.
set -eu
cat > sweep.sh <<'END'
# Scans all that is stored in $REGISTRY, each tag into a report of its own.
set -u
cd "$(dirname "$0")"
curl --silent --fail "http://$REGISTRY/v2/_catalog?n=1000" | jq --raw-output '.repositories[]' |
  while read -r repository; do
    curl --silent --fail "http://$REGISTRY/v2/$repository/tags/list" | jq --raw-output '.tags[]?' |
      while read -r tag; do
        mkdir -p "reports/stored/$repository"
        trivy image --image-src remote --format json --output "reports/stored/$repository/$tag.json" \
          "$REGISTRY/$repository:$tag" < /dev/null || echo "$repository:$tag could not be scanned" >&2
      done
  done
END
bash sweep.sh
printf "17 4 1-15 * * bash $WORKSPACE/sweep.sh\n30 6 16-30 * * bash $WORKSPACE/sweep.sh\n" > crontab
