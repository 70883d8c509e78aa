npm ci --ignore-scripts --no-audit --no-fund
npm ls @portkey-ai/gateway @hono/node-server
