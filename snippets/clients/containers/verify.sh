curl -fsS -m 5 "$ANTHROPIC_BASE_URL/health/liveliness" && echo && claude -p "Reply with one word: connected"
