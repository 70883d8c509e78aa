claude -p --model claude-haiku-5-5-corp "Reply with one word: connected"
