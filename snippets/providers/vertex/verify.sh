claude -p --model claude-haiku-4-5@20251001 "Reply with one word: connected"
