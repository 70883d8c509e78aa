unset ANTHROPIC_BASE_URL ANTHROPIC_AUTH_TOKEN
rm -f ~/.claude/gateway-token
