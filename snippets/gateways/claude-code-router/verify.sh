claude -p --model anthropic,claude-haiku-5-5 "Reply with one word: connected"
