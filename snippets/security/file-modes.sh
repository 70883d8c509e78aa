open=$(find ~/litellm-gateway/master-key ~/.claude/.credentials.json \( -perm -g=r -o -perm -o=r \) 2>/dev/null)
if [ -e ~/litellm-gateway/master-key ] && [ -z "$open" ]; then
  echo "ok: only you can read the key files"
else
  echo "wrong: others can read" ${open:-"nothing, because there is no master-key file"}
  false
fi
