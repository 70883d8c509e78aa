env | grep -E '^(ANTHROPIC|CLAUDE)_|^[A-Za-z]+_(PROXY|proxy)=|^(NODE_EXTRA_CA_CERTS|NODE_TLS_REJECT_UNAUTHORIZED|SSL_CERT_FILE)=' |
  sed -E -e 's/^([^=]*(KEY|TOKEN|HEADERS)[^=]*)=..*/\1=(set)/' -e 's#^([^=]*=)([A-Za-z0-9+.-]*://)?.*@#\1\2(login)@#' | sort
