key='(^|[^A-Za-z0-9_-])sk-[A-Za-z0-9_-]{20,}'
if ! commits=$(git rev-list --all 2>/dev/null); then
  echo "wrong: this folder is no git repository"
  false
elif [ -z "$commits" ]; then
  echo "ok: no commit yet"
elif ! found=$(echo "$commits" | xargs -n 500 sh -c 'git grep -IoE "$0" "$@" --; test $? -le 1' "$key"); then
  echo "wrong: git could not look into every commit"
  false
elif found=$(echo "$found" | grep 'sk-.*[A-Z]' | grep 'sk-.*[0-9]' | cut -d: -f1,2 | sort -u | grep .); then
  echo "wrong: a key stands in (commit:file)" $found
  false
else
  echo "ok: no key in any commit"
fi
