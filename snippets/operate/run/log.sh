curl -s -o /dev/null http://127.0.0.1:4000/v1/nowhere
grep -E '" [45][0-9][0-9] |ERROR|CRITICAL' ~/litellm-gateway/gateway.log | tail -n 1
