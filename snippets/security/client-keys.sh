ask() {
  printf 'Authorization: Bearer %s\n' "$ANTHROPIC_AUTH_TOKEN" |
    curl -s -m 20 -H @- -o /dev/null -w '%{http_code}' "$ANTHROPIC_BASE_URL/v1/messages" \
      -H 'anthropic-version: 2023-06-01' -H 'content-type: application/json' \
      -d '{"model": "claude-haiku-5-5", "max_tokens": 1, "num_retries": 0, "messages": [{"role": "user", "content": "."}]'"$1}"
}
plain=$(ask '')
key=$(ask ', "api_key": "not-a-key"')
header=$(ask ', "extra_headers": {"x-api-key": "not-a-key"}')
if [ "$plain $key $header" = "200 403 403" ]; then
  echo "ok: the gateway refuses keys and headers in a request's body"
else
  echo "wrong: plain, with api_key and with extra_headers it answers $plain, $key, $header; expected 200, 403, 403"
  false
fi
