# -i reads the password from the pipe: an argument could be read by everybody who lists processes.
# -C 10 makes one guess cost a twentieth of a second or so, which only hurts who makes many.
set -eu
mkdir -p registry
printf '%s' "$PASSWORD" | htpasswd -n -i -B -C 10 "$ACCOUNT" > registry/htpasswd
