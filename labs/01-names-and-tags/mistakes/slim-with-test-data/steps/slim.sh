# The first stage has the compiler, the second only what came out of it: 20 kB instead of 19 MB.
# .dockerignore is a list of what may come in, so a secret added tomorrow stays out as well.
set -eu
cat > app/.dockerignore <<'END'
*
!server.c
END
cat > app/slim.Dockerfile <<'END'
FROM registry-lab/cc:1 AS build
ARG GREETING
ARG VERSION
COPY server.c /src/
RUN cc -static -DGREETING="\"$GREETING\"" -DVERSION="\"$VERSION\"" -o /server /src/server.c

FROM registry-lab/busybox:1
RUN busybox dd if=/dev/zero of=/samples bs=1024 count=3072
RUN busybox rm /samples
COPY --from=build /server /server
EXPOSE 8080
CMD ["/server"]
END
docker build --quiet --file app/slim.Dockerfile --tag "$REPOSITORY:slim" \
  --build-arg GREETING="$GREETING" --build-arg VERSION="$NEXT_VERSION" app
docker push --quiet "$REPOSITORY:slim"
