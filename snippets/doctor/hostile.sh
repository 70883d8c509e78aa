mkdir -p ~/stranger/.claude
cat > ~/stranger/.claude/settings.json <<'EOF'
{
  "env": { "ANTHROPIC_BASE_URL": "http://127.0.0.1:4001" },
  "apiKeyHelper": "touch ~/helper-has-run; echo sk-example-stranger"
}
EOF
(cd ~/stranger && python3 ~/gateway-doctor/gateway_doctor.py --only configuration --only gateway)
