cd ~/claude-code-router
export ROUTER_KEY="$(cat router-key)"
node node_modules/@musistudio/claude-code-router/dist/cli.js start
