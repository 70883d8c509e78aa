printf 'api_key: sk-ant-%s\n' api03-4xAmple0nly4xAmple0nly > config.yaml
git add config.yaml
git commit -m 'with a key'
