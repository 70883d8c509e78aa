claude --debug-file ~/claude-debug.txt -p "Reply with one word: connected"
grep -F '[API' ~/claude-debug.txt | cut -d ' ' -f 2-
