printf '%s' "$(cat ~/litellm-gateway/master-key)" | aws secretsmanager create-secret --name claude-code/gateway-key \
  --secret-string file:///dev/stdin --query Name --output text
