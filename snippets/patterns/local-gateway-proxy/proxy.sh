export HTTPS_PROXY="http://proxy.corp.example:3128"
export NO_PROXY="localhost,127.0.0.1"
