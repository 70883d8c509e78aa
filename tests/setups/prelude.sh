# What the setups may call. The page's own gateway is in /mnt/reader.
set +m
mkdir -p ~/litellm-gateway ~/.claude ~/project/.claude
: > ~/litellm-gateway/requirements.txt
MASTER=sk-Lab0nly7Qv2mZx9Rt4Kp8Wd3Ls6Yb1Nc5Hf0Jg
GATEWAY= WITHOUT_KEY=
release() { mkdir -p ~/litellm-gateway/venv/lib/python3.11/site-packages/litellm-"$1".dist-info; }
config() {  # the page's own, without what the page adds to it, and what is on standard input
  sed '/^litellm_settings/,$d' /mnt/reader/litellm-gateway/config.yaml > ~/litellm-gateway/config.yaml
  cat >> ~/litellm-gateway/config.yaml
}
user() { cat > ~/.claude/settings.json; }
project() { cat > ~/project/.claude/settings.json; }
master_key() { (umask 077; echo "${1:-$MASTER}" > ~/litellm-gateway/master-key); }
through() { export ANTHROPIC_BASE_URL="$1" ANTHROPIC_AUTH_TOKEN="${2-$MASTER}"; }
without() {  # a machine that has every program but this one
  mkdir ~/bin && ln -s /usr/bin/* ~/bin/ && ln -sf /mnt/lab/bin/* ~/bin/ && rm ~/bin/"$1" && PATH=~/bin
}
commit() { git init -q . && git add -A && git -c user.name=Lab -c user.email=lab@example.com commit -qm Lab; }
gateway() {
  (
    cd ~/litellm-gateway && unset ANTHROPIC_BASE_URL ANTHROPIC_AUTH_TOKEN
    export LITELLM_LOCAL_MODEL_COST_MAP=True UPSTREAM_ANTHROPIC_API_KEY="$LAB_KEY" SSL_CERT_FILE=/mnt/lab/ca.pem
    [ -n "$WITHOUT_KEY" ] || export LITELLM_MASTER_KEY="$MASTER"
    exec /mnt/reader/litellm-gateway/venv/bin/litellm --config config.yaml --port 4100 "$@" > gateway.log 2>&1
  ) &
  GATEWAY=$!
  through http://127.0.0.1:4100
  for _ in $(seq 300); do curl -s -o /dev/null -m 5 -f http://127.0.0.1:4100/health/readiness && return; kill -0 "$GATEWAY" || break; sleep 0.1; done
  cat ~/litellm-gateway/gateway.log
  return 1
}
tidy() { if [ -n "$GATEWAY" ]; then kill "$GATEWAY"; wait "$GATEWAY" 2>/dev/null; fi; true; }
