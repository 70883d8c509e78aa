answered() { grep -c '"POST /bedrock/model/.*/invoke-with-response-stream HTTP/1.1" 200' ~/litellm-gateway/gateway.log; }
before=$(answered)
claude --settings ~/.claude/providers/bedrock-passthrough.json -p "Reply with one word: connected"
after=$(answered)
echo "requests the gateway answered meanwhile: $((after - before))"
test "$after" -gt "$before"
