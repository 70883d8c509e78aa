claude --settings ~/.claude/providers/anthropic.json -p "Reply with one word: connected"
