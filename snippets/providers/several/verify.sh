answered() { grep -c '"POST /v1/messages?beta=true HTTP/1.1" 200' ~/litellm-gateway/gateway.log; }
before=$(answered)
for name in claude-opus-5-5 claude-opus-5-5-bedrock claude-opus-5-5-vertex claude-opus-5-5-foundry; do
  printf '%s: ' "$name"
  claude --model "$name" -p "Reply with one word: connected"
done
after=$(answered)
echo "requests the gateway answered meanwhile: $((after - before))"
test "$after" -eq $((before + 4))
