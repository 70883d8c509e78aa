answered() { grep -c '"POST /v1/messages?beta=true HTTP/1.1" 200' ~/litellm-gateway/gateway.log; }
before=$(answered)
node agent.mjs
after=$(answered)
echo "requests the gateway answered meanwhile: $((after - before))"
test "$after" -gt "$before"
