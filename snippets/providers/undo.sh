unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
rm -r ~/.claude/providers
