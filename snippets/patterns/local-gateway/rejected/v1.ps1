$env:ANTHROPIC_BASE_URL = "http://127.0.0.1:4000/v1"
$env:ANTHROPIC_AUTH_TOKEN = (Get-Content "$HOME/litellm-gateway/master-key" -Raw).Trim()
Remove-Item Env:ANTHROPIC_API_KEY -ErrorAction SilentlyContinue
