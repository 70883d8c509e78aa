env | grep -oE '^(ANTHROPIC_BASE_URL|HTTPS?_PROXY|https?_proxy)=https:'
