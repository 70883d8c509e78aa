without() { curl -s -m 20 -o /dev/null -w '%{http_code}' "$ANTHROPIC_BASE_URL$1"; }
with=$(printf 'Authorization: Bearer %s\n' "$ANTHROPIC_AUTH_TOKEN" |
  curl -s -m 20 -H @- -o /dev/null -w '%{http_code}' "$ANTHROPIC_BASE_URL/v1/models")
if [ "$with" != 200 ]; then
  echo "wrong: with the key, /v1/models answers $with; nothing can be said"
  false
elif [ "$(without /v1/models)" -lt 300 ] || [ "$(without /model/info)" -lt 300 ] || [ "$(without /metrics)" -lt 300 ]; then
  echo "wrong: the gateway answers without a key"
  false
else
  echo "ok: no answer without a key"
fi
