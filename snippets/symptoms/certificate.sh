host=${ANTHROPIC_BASE_URL:-https://api.anthropic.com}; host=${host#*://}; host=${host%%/*}
proxy=${HTTPS_PROXY#*://}; proxy=${proxy#*@}
openssl s_client -connect "$host:443" ${proxy:+-proxy "${proxy%/}"} -servername "$host" -verify_hostname "$host" \
  -CAfile "${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}" < /dev/null 2>&1 |
  grep -E '^ *[0-9]+ s:|^ *i:|v:Not|Verif.*: ?[0-9]+ |^Verification' | sort -u
