ask() { CLAUDE_CODE_MAX_RETRIES=0 claude -p --model claude-haiku-5-5-gateway-check "$@" "Reply with one word: connected"; }
ask && ! ask --settings '{"env": {"https_proxy": "http://127.0.0.1:9"}}'
