claude -p "Reply with one word: pomegranate"
echo "lines with the prompt: $(grep -c pomegranate ~/litellm-gateway/debug.log)"
echo "lines with the gateway's key: $(grep -cFf <(printenv ANTHROPIC_AUTH_TOKEN) ~/litellm-gateway/debug.log)"
