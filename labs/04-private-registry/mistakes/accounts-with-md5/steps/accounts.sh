# -i reads the password from the pipe: an argument could be read by everybody who lists processes.
set -eu
mkdir -p registry
printf '%s' "$PASSWORD" | htpasswd -n -i "$ACCOUNT" > registry/htpasswd
