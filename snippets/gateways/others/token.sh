(umask 077; mkdir -p ~/.claude
  printf 'Gateway token: '; read -rs token; echo
  printf '%s\n' "$token" > ~/.claude/gateway-token)
