cd ~/portkey-gateway
node --import ./loopback.mjs node_modules/@portkey-ai/gateway/build/start-server.js --headless --port=4000
