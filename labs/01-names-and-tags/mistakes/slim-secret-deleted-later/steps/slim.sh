set -eu
echo server > app/.dockerignore
cat > app/slim.Dockerfile <<'END'
FROM registry-lab/cc:1 AS build
ARG GREETING
ARG VERSION
COPY server.c /src/
RUN cc -static -DGREETING="\"$GREETING\"" -DVERSION="\"$VERSION\"" -o /server /src/server.c

FROM registry-lab/busybox:1
COPY --from=build /server /server
COPY .env /app/.env
RUN rm /app/.env
EXPOSE 8080
CMD ["/server"]
END
docker build --quiet --file app/slim.Dockerfile --tag "$REPOSITORY:slim" \
  --build-arg GREETING="$GREETING" --build-arg VERSION="$NEXT_VERSION" app
docker push --quiet "$REPOSITORY:slim"
