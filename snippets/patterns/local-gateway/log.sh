grep 'POST /v1/messages' ~/litellm-gateway/gateway.log | tail -n 1
