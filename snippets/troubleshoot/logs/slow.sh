curl -sS -o /dev/null -D - -w 'seconds in all: %{time_total}\n' -H @- -H "content-type: application/json" \
  -d '{"model":"claude-haiku-5-5","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}' \
  "$ANTHROPIC_BASE_URL/v1/messages" << EOF | grep -E '^x-litellm-(response|overhead)-duration|^seconds'
Authorization: Bearer $ANTHROPIC_AUTH_TOKEN
EOF
