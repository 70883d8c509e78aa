printf 'api_key: sk-ant-%s\n' api03-4xAmple0nly4xAmple0nly > key-that-is-none.yaml
git add key-that-is-none.yaml
git commit -m 'with a key' || { git rm -qf key-that-is-none.yaml; false; }
