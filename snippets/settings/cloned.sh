claude -p --setting-sources user "Reply with one word: connected"
