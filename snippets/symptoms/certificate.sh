host=${ANTHROPIC_BASE_URL:-https://api.anthropic.com}; host=${host#*://}; host=${host%%/*}
port=443; case $host in *:*) port=${host##*:}; host=${host%%:*};; esac
proxy=${HTTPS_PROXY#*://}; proxy=${proxy#*@}; proxy=${proxy%/}
openssl s_client -connect "$host:$port" ${proxy:+-proxy} ${proxy:+"$proxy"} -servername "$host" -verify_hostname "$host" \
  ${NODE_EXTRA_CA_CERTS:+-CAfile} ${NODE_EXTRA_CA_CERTS:+"$NODE_EXTRA_CA_CERTS"} < /dev/null 2>&1 |
  grep -E '^ *[0-9]+ s:|^ *i:|v:Not|Verif.*: ?[0-9]+ |^Verification' | sort -u
