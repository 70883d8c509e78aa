cat "$(venv/bin/python -m certifi)" ~/corporate-ca.pem > ca-bundle.pem
export SSL_CERT_FILE=~/litellm-gateway/ca-bundle.pem
