for name in litellm-config claude-settings; do
  curl -fsS -o .schemas/$name.schema.json http://127.0.0.1:8000/schemas/$name.schema.json
done
