claude --settings ~/.claude/providers/bedrock.json -p "Reply with one word: connected"
