ANTHROPIC_LOG=debug claude -p "Reply with one word: connected" > ~/claude-requests.txt
grep -E '^  (url|status|authorization)|authorization:' ~/claude-requests.txt | sort -u
