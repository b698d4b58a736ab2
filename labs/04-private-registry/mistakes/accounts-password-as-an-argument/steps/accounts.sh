set -eu
mkdir -p registry
htpasswd -nbB -C 10 "$ACCOUNT" "$PASSWORD" > registry/htpasswd
