#!/bin/sh
# Records the tree of a running kernel for the probe tests: record.sh FOLDER, as root, on a machine of its own (a guest).
# Makes a little traffic first, so that the counters are not all 0, and keeps what nstat(8) says beside the files.
set -u
out=$1
mkdir -p "$out/proc/net/stat"
ip link set lo up
modprobe -q ip_vs && modprobe -q ip_vs_rr
modprobe -q nf_conntrack
ping -q -c 3 -i 0.2 127.0.0.1 >/dev/null
ping -q -c 2 -i 0.2 ::1 >/dev/null
python3 - <<'PY'
import socket
server = socket.socket(); server.bind(("127.0.0.1", 7000)); server.listen(8)
kept = []
for _ in range(3):
    client = socket.create_connection(("127.0.0.1", 7000)); peer, _ = server.accept()
    client.sendall(b"x" * 1000); peer.recv(2000); kept += [client, peer]
kept[0].close(); kept[1].close()
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    try:
        socket.socket(family).connect((address, 7999))
    except OSError:
        pass
    udp = socket.socket(family, socket.SOCK_DGRAM); udp.sendto(b"x", (address, 7998))
PY
if command -v ipvsadm >/dev/null && [ -e /proc/net/ip_vs ]; then
  ipvsadm -A -t 127.0.0.1:7100 -s rr && ipvsadm -a -t 127.0.0.1:7100 -r 127.0.0.1:7101 -m
  python3 -c 'import socket; s = socket.socket(); s.settimeout(1); s.connect_ex(("127.0.0.1", 7100))'
fi
# Nothing moves while it is taken: what nstat reads is what the files say.
sleep 1
for file in snmp snmp6 netstat xfrm_stat sockstat sockstat6 softnet_stat ip_vs_stats stat/arp_cache stat/ndisc_cache; do
  [ -e /proc/net/$file ] && cat /proc/net/$file >"$out/proc/net/$file"
done
for family in ipv4 ipv6; do
  limit=proc/sys/net/$family/neigh/default/gc_thresh3
  mkdir -p "$out/${limit%/*}" && cat /$limit >"$out/$limit"
done
nstat -a -z -j >"$out/nstat.json" 2>/dev/null || nstat -a -z >"$out/nstat.txt"
ipvsadm -L --stats --exact >"$out/ipvsadm.txt" 2>/dev/null || true
grep btime /proc/stat >"$out/proc/stat"
head -2 /proc/slabinfo >"$out/proc/slabinfo"
grep -E '^(request_sock_|tw_sock_)?TCP(v6)? ' /proc/slabinfo >>"$out/proc/slabinfo"
uname -r >"$out/release"
