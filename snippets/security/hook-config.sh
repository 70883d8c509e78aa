cat >> config.yaml <<'EOF'

litellm_settings:
  callbacks: [no_client_keys.hook]
EOF
