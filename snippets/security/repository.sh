mkdir -p keyless
cd keyless
git init -q
git config user.name "Your name"
git config user.email you@example.com
