sh ~/litellm-gateway/start-with-aws.sh 2>&1 | tee ~/litellm-gateway/gateway.log
