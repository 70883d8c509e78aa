mkdir -p ~/gateway-config/.claude ~/gateway-config/.schemas && cd ~/gateway-config
git init -q
echo .tools/ > .gitignore
{
  echo '# yaml-language-server: $schema=.schemas/litellm-config.schema.json'
  cat ~/litellm-gateway/config.yaml
} > config.yaml
cat > .claude/settings.json <<'EOF'
{
  "$schema": "../.schemas/claude-settings.schema.json",
  "env": {"ANTHROPIC_BASE_URL": "http://127.0.0.1:4000"}
}
EOF
