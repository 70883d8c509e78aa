export GATEWAY_TOKEN="$(cat ~/own-gateway/token)"
/usr/sbin/haproxy -c -f ~/own-gateway/haproxy.cfg
