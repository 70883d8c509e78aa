mkdir -p ~/.claude-code-router ~/claude-code-router
cd ~/claude-code-router
