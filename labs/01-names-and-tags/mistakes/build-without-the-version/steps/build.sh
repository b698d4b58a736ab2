# The Dockerfile says how; the build arguments say which greeting and which version.
# Only the source is copied in: `COPY . .` would take app/.env along.
set -eu
cat > app/Dockerfile <<'END'
FROM registry-lab/cc:1
ARG GREETING
ARG VERSION
COPY server.c /src/
RUN cc -static -DGREETING="\"$GREETING\"" -DVERSION="\"$VERSION\"" -o /server /src/server.c
EXPOSE 8080
CMD ["/server"]
END
docker build --quiet --tag "$APP:dev" --build-arg GREETING="$GREETING" app
