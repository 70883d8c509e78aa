chmod +x pre-commit
if [ -e .git/hooks/pre-commit ]; then
  echo "a hook is there already; add these lines to it"
else
  mv pre-commit .git/hooks/pre-commit
fi
