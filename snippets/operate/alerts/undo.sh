rm -r ~/litellm-gateway/prometheus-data ~/litellm-gateway/alerts*.yaml ~/litellm-gateway/prometheus.yml
