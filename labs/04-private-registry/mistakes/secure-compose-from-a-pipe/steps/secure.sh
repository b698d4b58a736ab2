# One file says what runs. The secrets stay in files of their own and reach the container as a mount.
set -eu
docker compose --file - up --detach --force-recreate <<'END'
services:
  registry:
    image: registry-lab/registry:2
    restart: unless-stopped
    environment:
      REGISTRY_HTTP_TLS_CERTIFICATE: /etc/docker/registry/server.crt
      REGISTRY_HTTP_TLS_KEY: /etc/docker/registry/server.key
      REGISTRY_AUTH: htpasswd
      REGISTRY_AUTH_HTPASSWD_REALM: registry
      REGISTRY_AUTH_HTPASSWD_PATH: /etc/docker/registry/htpasswd
    ports:
      - "127.0.0.1:${SECURE_PORT}:5000"
    volumes:
      - ./registry:/etc/docker/registry:ro
      - data:/var/lib/registry
volumes:
  data:
END

for _ in $(seq 100); do
  curl --silent --output /dev/null --insecure "https://127.0.0.1:$SECURE_PORT/v2/" && break
  sleep 0.1
done
# Trusting our own authority and nobody else: this fails unless the certificate is right.
curl --silent --show-error --output /dev/null --cacert ca/ca.crt "https://127.0.0.1:$SECURE_PORT/v2/"
printf '%s' "$PASSWORD" | docker login --username "$ACCOUNT" --password-stdin "127.0.0.1:$SECURE_PORT"
docker tag registry-lab/busybox:1 "127.0.0.1:$SECURE_PORT/$APP:$VERSION"
docker push --quiet "127.0.0.1:$SECURE_PORT/$APP:$VERSION"
docker logout "127.0.0.1:$SECURE_PORT"
