curl -s -o /dev/null -w '%{http_connect}\n' https://api.anthropic.com
