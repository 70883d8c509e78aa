port=${ANTHROPIC_BASE_URL##*:}
addresses=$(ss -Hltn "sport = :${port%%/*}" | awk '{print $4}' | sort -u)
if [ "$addresses" = "127.0.0.1:${port%%/*}" ]; then
  echo "ok: the gateway listens on this machine only"
else
  echo "wrong: it listens on" ${addresses:-"no address of this machine"}
  false
fi
