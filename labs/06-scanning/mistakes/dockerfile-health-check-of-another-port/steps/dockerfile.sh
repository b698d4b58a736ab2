# Not what is in the image but how it is made: who runs it, and how the engine can tell that it is well.
set -eu
mkdir -p reports
trivy config --format json --output reports/dockerfile.json app/Dockerfile
cat > app/hardened.Dockerfile <<'END'
FROM registry-lab/shop-base:1
ARG VERSION=unknown
ENV VERSION=$VERSION
COPY shop.py greeting.txt /srv/shop/
EXPOSE 8080
HEALTHCHECK CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:80/')"]
USER nobody
CMD ["python3", "/srv/shop/shop.py"]
END
docker build --quiet --build-arg VERSION="$VERSION" --file app/hardened.Dockerfile --tag "$APP:$VERSION-hardened" app
