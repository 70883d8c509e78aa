export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
printf 'AWS access key ID: '; read -r AWS_ACCESS_KEY_ID
printf 'AWS secret access key: '; read -rs AWS_SECRET_ACCESS_KEY
