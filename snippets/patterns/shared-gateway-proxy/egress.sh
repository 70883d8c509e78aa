export HTTPS_PROXY="http://egress.corp.example:8080"
