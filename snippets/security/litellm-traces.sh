found=$(find -L ~/litellm-gateway/venv \( -name litellm_init.pth -o -name cook.pth -o -name cook.py -o -name sitecustomize.py \) 2>&1)
if [ -z "$found" ]; then
  echo "ok: no file that a bad release left behind"
else
  echo "wrong: look at this before you start Python there:" $found
  false
fi
