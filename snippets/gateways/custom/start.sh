/usr/sbin/haproxy -db -f ~/own-gateway/haproxy.cfg
