claude --model team-default -p "Reply with one word: changed"
