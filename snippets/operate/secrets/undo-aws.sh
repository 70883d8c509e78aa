for name in claude-gateway/provider-key claude-code/gateway-key; do
  aws secretsmanager delete-secret --secret-id "$name" --recovery-window-in-days 7 --query Name --output text
done
