export GATEWAY_TOKEN="$(cat ~/own-gateway/token)"
(umask 077
  awk '{gsub("GATEWAY_TOKEN", ENVIRON["GATEWAY_TOKEN"])} 1' ~/own-gateway/envoy.yaml > ~/own-gateway/envoy-private.yaml)
envoy -c ~/own-gateway/envoy-private.yaml --disable-hot-restart
