# The first stage sees the token, and only what it made of it goes on to the image.
set -eu
mkdir -p reports
docker build --quiet --tag "$APP-leaky:$VERSION" leaky
trivy image --scanners secret --format json --output reports/secrets.json "$APP-leaky:$VERSION"
cat > leaky/clean.Dockerfile <<'END'
FROM registry-lab/busybox:1 AS download
COPY token.txt page.txt /tmp/
RUN mkdir /www && cp /tmp/page.txt /www/index.html && sha256sum < /tmp/token.txt | cut -c 1-64 >> /www/index.html

FROM registry-lab/busybox:1
COPY --from=download /www /www
EXPOSE 8080
CMD ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]
END
docker build --quiet --file leaky/clean.Dockerfile --tag "$REGISTRY/$APP-clean:$VERSION" leaky
docker push --quiet "$REGISTRY/$APP-clean:$VERSION"
echo 'LABEL reviewed=yes' >> leaky/clean.Dockerfile
sed -i 's|^EXPOSE|RUN touch /www/reviewed\nEXPOSE|' leaky/clean.Dockerfile
docker build --quiet --file leaky/clean.Dockerfile --tag "$APP-clean:$VERSION" leaky
