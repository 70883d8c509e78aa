status() { curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:4000/metrics/ "$@"; }
echo "without the key: $(status)"
echo "with the key: $(printf 'Authorization: Bearer %s\n' "$(cat ~/litellm-gateway/master-key)" | status -H @-)"
