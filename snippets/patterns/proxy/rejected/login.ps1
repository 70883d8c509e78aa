$env:HTTPS_PROXY = "http://alice:secret@proxy.corp.example:3128"
$env:ANTHROPIC_API_KEY = (Get-Content "$HOME/.anthropic-api-key" -Raw).Trim()
Remove-Item Env:ANTHROPIC_BASE_URL -ErrorAction SilentlyContinue
