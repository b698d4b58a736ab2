# Take the network apart.
BASE=registry-lab/busybox:1
ip link delete docker0; ip link set lo down; iptables -F; iptables -t nat -F; ip route flush table all
