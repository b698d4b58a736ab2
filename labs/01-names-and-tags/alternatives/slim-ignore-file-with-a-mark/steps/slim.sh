# The ignore file is as an editor on Windows saves it: with a byte order mark, and CR before each line's end.
set -eu
printf '\357\273\277.env\r\n' > app/.dockerignore
cat > app/slim.Dockerfile <<'END'
FROM registry-lab/cc:1 AS build
ARG GREETING
ARG VERSION
COPY server.c /src/
RUN cc -static -DGREETING="\"$GREETING\"" -DVERSION="\"$VERSION\"" -o /server /src/server.c

FROM scratch
COPY --from=build /server /server
EXPOSE 8080
CMD ["/server"]
END
docker build --quiet --file app/slim.Dockerfile --tag "$REPOSITORY:slim" \
  --build-arg GREETING="$GREETING" --build-arg VERSION="$NEXT_VERSION" app
docker push --quiet "$REPOSITORY:slim"
