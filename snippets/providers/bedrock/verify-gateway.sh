answered() { grep -c '"POST /v1/messages?beta=true HTTP/1.1" 200' ~/litellm-gateway/gateway.log; }
before=$(answered)
claude --settings ~/.claude/providers/gateway.json -p "Reply with one word: connected"
after=$(answered)
echo "requests the gateway answered meanwhile: $((after - before))"
test "$after" -gt "$before"
