curl -sv -o /dev/null -H @- "$ANTHROPIC_BASE_URL/v1/models" 2>&1 << EOF | sed -E 's/(uthorization: ).*/\1(left out)/' | grep '^[<>*] [^{]'
Authorization: Bearer $ANTHROPIC_AUTH_TOKEN
EOF
