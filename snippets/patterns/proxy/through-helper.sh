export HTTPS_PROXY="http://127.0.0.1:3129"
export NO_PROXY="localhost,127.0.0.1"
