proxy_login() {
  printf 'Proxy user: '; read -r proxy_user
  printf 'Proxy password: '; read -rs proxy_password; echo
  login=$(printf '%s\n%s' "$proxy_user" "$proxy_password" | python3 -c 'import sys, urllib.parse as url; print(":".join(url.quote(part, safe="") for part in sys.stdin.read().split("\n", 1)))')
  export HTTPS_PROXY="http://$login@egress.corp.example:8080"
  unset proxy_user proxy_password login
}
proxy_login
