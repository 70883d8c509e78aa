chmod 600 ~/claude-vertex.json
export GOOGLE_APPLICATION_CREDENTIALS="$HOME/claude-vertex.json"
