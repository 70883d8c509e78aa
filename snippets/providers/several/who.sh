printf 'Authorization: Bearer %s\n' "$(cat ~/litellm-gateway/master-key)" |
  curl -sf -H @- -o /dev/null -w '%header{x-litellm-model-id}\n' http://127.0.0.1:4000/v1/messages \
  -H 'content-type: application/json' \
  -d '{"model": "claude-opus-5-5", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}'
