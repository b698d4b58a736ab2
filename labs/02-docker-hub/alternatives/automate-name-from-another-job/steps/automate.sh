set -eu
mkdir -p .github/workflows
cat > .github/workflows/docker-publish.yml <<'END'
on:
  push:
    branches: main
    tags: 'v**'
jobs:
  name:
    runs-on: ubuntu-latest
    outputs:
      image: ${{ steps.it.outputs.image }}
    steps:
      - id: it
        run: echo "image=@IMAGE@:${GITHUB_REF_NAME#v}" >> "$GITHUB_OUTPUT"
  publish:
    needs: name
    runs-on: ubuntu-latest
    strategy:
      matrix:
        folder: [app]
    env:
      IMAGE: ${{ needs.name.outputs.image }}
    steps:
      - uses: actions/checkout@v4
      - run: echo "$TOKEN" | docker login --username "${{ vars.DOCKERHUB_USERNAME }}" --password-stdin
        env:
          TOKEN: ${{ secrets.DOCKERHUB_PASSWORD }}
      - run: |
          docker build --tag "$IMAGE" ${{ matrix.folder }}
          docker push "$IMAGE"
END
sed -i "s|@IMAGE@|$HUB_USERNAME/$APP|" .github/workflows/docker-publish.yml
