target=${ANTHROPIC_BASE_URL:-https://api.anthropic.com}
curl -sS -m 30 -o /dev/null -w 'the proxy answers %{http_connect}\n' "$target"
curl -s -m 30 -o /dev/null -D - "$target" | grep -i '^proxy-authenticate'
