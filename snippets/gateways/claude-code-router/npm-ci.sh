npm ci --ignore-scripts --no-audit --no-fund
npm ls @musistudio/claude-code-router
