lines() { grep -sc 'GET /v1/models' ~/litellm-gateway/gateway.log; }
before=$(lines)
printf 'Authorization: Bearer %s\n' "$ANTHROPIC_AUTH_TOKEN" |
  curl -s -m 20 -H @- -o /dev/null "$ANTHROPIC_BASE_URL/v1/models"
sleep 1
after=$(lines)
if [ "${after:-0}" -gt "${before:-0}" ]; then
  echo "ok: a request leaves a line in the log"
else
  echo "wrong: a request left no line in gateway.log"
  false
fi
