$user = Read-Host "Proxy user"
$password = [System.Net.NetworkCredential]::new("", (Read-Host "Proxy password" -AsSecureString)).Password
$env:HTTPS_PROXY = "http://${user}:$password@proxy.corp.example:3128"
Remove-Variable user
Remove-Variable password
$env:ANTHROPIC_API_KEY = (Get-Content "$HOME/.anthropic-api-key" -Raw).Trim()
Remove-Item Env:ANTHROPIC_BASE_URL -ErrorAction SilentlyContinue
Remove-Item Env:ANTHROPIC_AUTH_TOKEN -ErrorAction SilentlyContinue
