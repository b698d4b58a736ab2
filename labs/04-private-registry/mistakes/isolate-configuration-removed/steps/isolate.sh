# The registry publishes nothing and is on a network without a way out; nginx is on both sides.
set -eu
mkdir -p edge
cat > edge/nginx.conf <<'END'
server {
    listen 443 ssl;
    ssl_certificate /etc/nginx/tls/server.crt;
    ssl_certificate_key /etc/nginx/tls/server.key;
    ssl_protocols TLSv1.2 TLSv1.3;

    client_max_body_size 0; # a layer is as large as it is
    proxy_request_buffering off;

    location /v2/ {
        proxy_pass http://registry:5000;
        proxy_http_version 1.1;
        # The registry sends clients to the address they know it by, made of these two.
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_read_timeout 300s;
    }
}
END
cat > edge/compose.yaml <<'END'
services:
  registry:
    image: registry-lab/registry:2
    restart: unless-stopped
    networks: [inside]
    volumes:
      - data:/var/lib/registry
  proxy:
    image: registry-lab/nginx:1
    restart: unless-stopped
    depends_on: [registry]
    networks: [inside, outside]
    ports:
      - "127.0.0.1:${EDGE_PORT}:443"
    volumes:
      - ./nginx.conf:/etc/nginx/conf.d/default.conf:ro
      - ../registry/server.crt:/etc/nginx/tls/server.crt:ro
      - ../registry/server.key:/etc/nginx/tls/server.key:ro
networks:
  inside:
    internal: true
  outside:
volumes:
  data:
END
docker compose --project-name "$EDGE_PROJECT" --file edge/compose.yaml up --detach --force-recreate
for _ in $(seq 100); do
  curl --silent --fail --output /dev/null --insecure "https://127.0.0.1:$EDGE_PORT/v2/" && break
  sleep 0.1
done
curl --silent --show-error --output /dev/null --cacert ca/ca.crt "https://127.0.0.1:$EDGE_PORT/v2/"
docker tag registry-lab/busybox:1 "127.0.0.1:$EDGE_PORT/$APP:$VERSION"
docker push --quiet "127.0.0.1:$EDGE_PORT/$APP:$VERSION"
rm edge/nginx.conf # it is in the container now
