add_developer() {
  (umask 077; echo "sk-$(openssl rand -hex 32)" > "token-$1")
  printf '"Bearer %s" %s;\n' "$(cat "token-$1")" "$1" | sudo sh -c 'umask 077; cat >> /etc/nginx/claude-developers.map'
}
add_developer alice
