printf 'api_key: sk-ant-api03-%s\n' 4xAmple0nly4xAmple0nly > config.yaml
git add config.yaml
git commit -m 'with a key'
