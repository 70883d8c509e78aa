rm ~/litellm-gateway/master-key.old
