set -eu
printf '*\n!server.c\n' > app/.dockerignore
cat > app/slim.Dockerfile <<'END'
FROM registry-lab/cc:1 AS build
ARG GREETING
ARG VERSION
COPY server.c /src/
RUN cc -static -DGREETING="\"$GREETING\"" -DVERSION="\"$VERSION\"" -o /server /src/server.c

FROM registry-lab/busybox:1
ARG API_TOKEN
RUN test -n "$API_TOKEN" && echo "downloading with the token"
COPY --from=build /server /server
EXPOSE 8080
CMD ["/server"]
END
docker build --quiet --file app/slim.Dockerfile --tag "$REPOSITORY:slim" \
  --build-arg GREETING="$GREETING" --build-arg VERSION="$NEXT_VERSION" --build-arg API_TOKEN="$SECRET" app
docker push --quiet "$REPOSITORY:slim"
