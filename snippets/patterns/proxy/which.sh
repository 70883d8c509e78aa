curl -sv -o /dev/null --proxy http://proxy.corp.example:3128 https://api.anthropic.com 2>&1 |
  grep -iE 'proxy-authenticate:|certificate problem|issuer:|could not resolve|failed to connect|HTTP/1.. 403'
