echo "token: ${#ANTHROPIC_AUTH_TOKEN} characters"
test "$ANTHROPIC_BASE_URL" || echo "this shell names no gateway, so the token is not sent"
curl -sS -m 30 -w '\nstatus %{http_code}\n' -H @- \
  ${NODE_EXTRA_CA_CERTS:+--cacert} ${NODE_EXTRA_CA_CERTS:+"$NODE_EXTRA_CA_CERTS"} \
  -d '{"model":"'"${ANTHROPIC_MODEL:-claude-opus-5-5}"'","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}' \
  "${ANTHROPIC_BASE_URL:-https://api.anthropic.com}/v1/messages" << EOF
anthropic-version: 2023-06-01
content-type: application/json
${ANTHROPIC_BASE_URL:+Authorization: Bearer $ANTHROPIC_AUTH_TOKEN}
EOF
