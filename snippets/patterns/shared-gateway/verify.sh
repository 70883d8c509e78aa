claude -p --model claude-haiku-5-5-gateway-check "Reply with one word: connected"
