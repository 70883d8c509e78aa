$env:ANTHROPIC_BASE_URL = "http://127.0.0.1:4000
$env:ANTHROPIC_AUTH_TOKEN = (Get-Content "$HOME/litellm-gateway/master-key" -Raw).Trim()
