# The first stage sees the token, and only what it made of it goes on to the image.
set -eu
mkdir -p reports
docker build --quiet --tag "$APP-leaky:$VERSION" leaky
trivy image --scanners secret --format json --output reports/secrets.json "$APP-leaky:$VERSION"
cat > leaky/clean.Dockerfile <<'END'
FROM registry-lab/busybox:1
COPY page.txt /www/index.html
EXPOSE 8080
CMD ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]
END
docker build --quiet --file leaky/clean.Dockerfile --tag "$APP-clean:$VERSION" leaky
docker tag "$APP-clean:$VERSION" "$REGISTRY/$APP-clean:$VERSION"
docker push --quiet "$REGISTRY/$APP-clean:$VERSION"
