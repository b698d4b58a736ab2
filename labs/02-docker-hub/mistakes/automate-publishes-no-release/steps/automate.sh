set -eu
mkdir -p .github/workflows
cat > .github/workflows/docker-publish.yml <<END
name: Publish
on:
  push:
    branches: [main]
    tags: ["v*"]

jobs:
  publish:
    runs-on: ubuntu-latest
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@v4
      - uses: docker/login-action@v3
        with:
          username: \${{ secrets.DOCKERHUB_USERNAME }}
          password: \${{ secrets.DOCKERHUB_TOKEN }}
      # main becomes the tag main, v1.2.3 becomes 1.2.3, 1.2 and latest.
      - id: meta
        uses: docker/metadata-action@v5
        with:
          images: $HUB_USERNAME/$APP
          tags: |
            type=ref,event=branch
            type=semver,pattern={{version}}
            type=semver,pattern={{major}}.{{minor}}
      - uses: docker/build-push-action@v6
        with:
          context: app
          push: \${{ github.ref == 'refs/heads/main' }}
          tags: \${{ steps.meta.outputs.tags }}
          labels: \${{ steps.meta.outputs.labels }}
END
