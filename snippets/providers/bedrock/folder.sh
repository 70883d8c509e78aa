mkdir -p ~/.claude/providers
