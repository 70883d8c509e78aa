chmod +x pre-commit
mv pre-commit .git/hooks/pre-commit
