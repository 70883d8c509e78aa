# sh connects.sh HOST PORT: asks Claude Code for one word and watches its connections.
# Succeeds when there is an answer, and every connection leads to HOST and PORT.
export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1
claude -p "Reply with one word: connected" < /dev/null &
seen=
while kill -0 $! 2> /dev/null; do
  seen="$seen
$(ss -Htnp)"
  sleep 0.05
done
wait $! || exit
seen=$(printf '%s\n' "$seen" | grep "pid=$!," | awk '{print $5}' | sort -u)
wanted=$(getent ahosts "$1" | awk -v port="$2" '{print (index($1, ":") ? "[" $1 "]" : $1) ":" port}' | sort -u)
other=$(printf '%s\n' "$seen" | grep -vxF "${wanted:-none}")
if [ -z "$seen" ] || [ -n "$other" ]; then
  echo "NOT all connections went to $1, port $2, but:" ${other:-none was seen}
  exit 1
fi
echo "all connections went to $1, port $2"
