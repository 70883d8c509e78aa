cd ~
rm -r ~/claude-code-router ~/.claude-code-router
