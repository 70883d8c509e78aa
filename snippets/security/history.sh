key='(^|[^A-Za-z0-9_-])sk-[A-Za-z0-9_-]{20,}'
found=$(find ~ -maxdepth 1 \( -name .bash_history -o -name .zsh_history \) -exec grep -alE "$key" {} +)
if [ -z "$found" ]; then
  echo "ok: no key in the shell's history"
else
  echo "wrong: a key stands in" $found "; remove the line and change the key"
  false
fi
