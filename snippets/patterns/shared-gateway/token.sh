save_token() {
  printf 'Gateway token: '; read -rs token; echo
  (umask 077; mkdir -p ~/.claude; printf '%s\n' "$token" > ~/.claude/gateway-token)
  unset token
}
save_token
