#!/usr/bin/env bash
# play.sh LAB...: in the Debian 13 root, start an engine and play labs against it; logs and exit codes go to /out.
# START: bash lines that start the engine. PLAYER: who plays. ENGINE_PATH: a folder of other programs, to stand first.
# PLAY: the command, like `lab demo`. WITHIN: seconds in which the engine has to answer.
set -u
umask 022
install -d -o learner -m 700 /run/user/1000
[ "$PLAYER" = root ] || export XDG_RUNTIME_DIR=/run/user/1000
[ -z "$ENGINE_PATH" ] || export PATH=$ENGINE_PATH:$PATH
for home in /root /home/learner; do
    install -d "$home/.cache/registry-lab"
    cp -a /srv/programs "$home/.cache/registry-lab/"
done
chown -R learner: /home/learner/.cache /out

as_player() {
    if [ "$PLAYER" = root ]; then bash -c "$1"; else su --whitelist-environment=DOCKER_HOST,XDG_RUNTIME_DIR -c "$1" - "$PLAYER"; fi
}

eval "$START" > /out/engine.log 2>&1
end=$((SECONDS + WITHIN))
until docker version > /out/version 2>&1; do
    if [ $SECONDS -ge $end ]; then
        echo "The engine did not start:"
        tail -n 5 /out/engine.log /out/version
        exit 3
    fi
    sleep 0.2
done
# What is loaded into containerd's store stays as it was packed, and pulled images are packed. Some programs take all
# layers of an image for packed, or none, as the first of them is (Trivy 0.76).
loaded() {
    if [[ $(docker info --format '{{.DriverStatus}}') != *containerd* ]]; then
        docker load --quiet --input /srv/images.tar
        return
    fi
    while read -r tag; do
        skopeo --insecure-policy copy --quiet "docker-archive:/srv/images.tar:$tag" "oci-archive:/tmp/packed.tar:docker.io/$tag" &&
            docker load --quiet --input /tmp/packed.tar && rm /tmp/packed.tar || return
    done < /srv/images.txt
}
if ! loaded > /out/loaded 2>&1; then
    echo "The engine does not take the images:"
    tail -n 3 /out/loaded
    exit 3
fi
for lab; do
    began=$(date +%s.%N)
    as_player "cd /srv/registry-lab && export NO_COLOR=1 REGISTRY_LAB_IMAGES=packages REGISTRY_LAB_WORKSPACE=/tmp/work \
        PATH=${ENGINE_PATH:+$ENGINE_PATH:}/srv/registry-lab/.venv/bin:\$PATH; $PLAY $lab" > "/out/$lab.log" 2>&1
    code=$?
    echo "$lab $code $began $(date +%s.%N)" >> /out/codes
    echo "  lab $lab: exit code $code"
done
