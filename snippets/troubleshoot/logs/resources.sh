pid=$(ss -Hltnp 'sport = :4000' | grep -oE 'pid=[0-9]+' | head -n 1 | cut -d = -f 2)
ps -o pcpu=,rss=,etime= -p "$pid" | awk '{printf "gateway: %s %% of a core, %d MB, up %s\n", $1, $2 / 1024, $3}'
echo "clients connected: $(ss -Htn state established 'sport = :4000' | wc -l)"
echo "files open: $(ls "/proc/$pid/fd" | wc -l) of $(awk '/open files/ {print $4}' "/proc/$pid/limits")"
echo "machine: $(nproc) cores, load $(cut -d ' ' -f 1 /proc/loadavg), $(awk '/MemAvailable/ {print int($2 / 1024)}' /proc/meminfo) MB free"
df -h --output=avail,target ~ | tail -n 1
