claude -p --model claude-opus-5 "Reply with one word: passed"
