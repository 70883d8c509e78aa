sh ~/litellm-gateway/start-with-openbao.sh 2>&1 | tee ~/litellm-gateway/gateway.log
