set -eu
mkdir -p .github/workflows
cat > .github/workflows/docker-publish.yml <<'END'
on:
  push: {}
permissions:
  contents: read
jobs:
  publish:
    if: github.ref == 'refs/heads/main' || startsWith(github.ref, 'refs/tags/v')
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: docker/login-action@v3
        with:
          username: ${{ secrets.DOCKERHUB_USERNAME }}
          password: ${{ secrets.DOCKERHUB_TOKEN }}
      - uses: docker/build-push-action@v6
        with:
          context: app
          push: true
          tags: @IMAGE@:${{ github.ref_name }}
END
sed -i "s|@IMAGE@|$HUB_USERNAME/$APP|" .github/workflows/docker-publish.yml
