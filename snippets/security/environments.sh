projects=$(grep -hE '^ *(vertex_project|aws_account_id|api_base):' ~/litellm-gateway/environments/*.yaml 2>/dev/null | tr -d " \"'" | sort)
twice=$(echo "$projects" | uniq -d)
if [ -n "$projects" ] && [ -z "$twice" ]; then
  echo "ok: no two environments share a project"
else
  echo "wrong: shared between environments:" ${twice:-"unknown, because no file below environments names a project"}
  false
fi
