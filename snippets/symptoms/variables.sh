env | awk -F= '/^(ANTHROPIC|CLAUDE_CODE_|HTTPS?_PROXY|https?_proxy|NO_PROXY|NODE_EXTRA_CA_CERTS)/ { print $1 ":", length($0) - length($1) - 1, "characters" }'
