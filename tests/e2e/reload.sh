#!/bin/bash
# tests/e2e/reload.sh - promise P10: SIGHUP uses a changed configuration without a gap, or says why not and goes
# on with the old one.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
bin=build/release/bin dir=run/reload
trap stop_all EXIT
./dev build >/dev/null || exit 1
free_ports mtls signed platform control
rm -rf $dir && mkdir -p $dir
make_conf $dir/all.yaml run_dir=$dir/gateway folder=$dir/gateway/journal index=$dir/gateway/index.db \
	data_keys=$dir/gateway/data-keys plugin_dir=build/release/plugins \
	url=https://127.0.0.1:$platform/fsi/api/rsfComIfsService/callService || exit 1
sed -e "s/port: 8443/port: $mtls/; s/port: 8444/port: $signed/" $dir/all.yaml >$dir/right.yaml
cp $dir/right.yaml $dir/gateway.yaml
start platform $dir/platform.log $bin/yitong-sandbox platform --port $platform --control-port $control --certs certs/out
wait_port $platform "$last_pid" 10 $dir/platform.log || exit 1
start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
gateway=$last_pid
wait_port $mtls "$gateway" 20 $dir/gateway.log || exit 1

wait_log() { # HOW-OFTEN TEXT
	for _ in $(seq 100); do
		[ "$(grep -cF "$2" $dir/gateway.log)" -ge "$1" ] && { say "ok: $2"; return 0; }
		sleep 0.1
	done
	tail -n 20 $dir/gateway.log
	fail "the log does not say: $2"
}
ask() {
	curl -sS --max-time 10 --cacert certs/out/ca.crt --cert certs/out/hospital-one.crt \
		--key certs/out/hospital-one.key -H 'Content-Type: application/json' --data @conf/example-1101.json \
		https://127.0.0.1:$mtls/ | jq -e '.infcode == 0' >/dev/null
}
generation() { $bin/yitong --conf $dir/right.yaml status --json | jq .generation; }
wait_log 1 "ready: generation 1"

n=0
refuse() { # WHAT LOG-TEXT: gateway.yaml was changed for the worse
	n=$((n + 1))
	kill -HUP "$gateway"
	wait_log $n "generation 1 stays active"
	grep -qF "$2" $dir/gateway.log || fail "$1: the log does not say: $2"
	[ "$(generation)" = 1 ] || fail "$1: another generation is active"
	ask || fail "$1: the old generation does not serve"
	say "ok: $1 is refused, the old one serves"
	cp $dir/right.yaml $dir/gateway.yaml
}
echo '  nonsense: [' >>$dir/gateway.yaml
refuse "a file that is no YAML" "gateway.yaml:"
sed -i 's/workers: 2/wokers: 2/' $dir/gateway.yaml
refuse "an unknown key" "wokers"
sed -i 's/paasid: GATEWAY01/pasid: GATEWAY01/' $dir/gateway.yaml
refuse "a setting that the plugin does not know" "pasid"
pin() { sed -i "s/^gateway:/&\n  plugin_sha256: {$1: $2}/" $dir/gateway.yaml; }
pin nhsa "$(printf 'ab%.0s' $(seq 32))"
refuse "another plugin file than the pinned one" "not the one in gateway.plugin_sha256"
pin nsha "$(sha256sum <build/release/plugins/nhsa.so | cut -d ' ' -f 1)"
refuse "a pin for a format that nobody has" "no listener and no party has the format \"nsha\""
sed -i 's/to: zhejiang/to: nobody/' $dir/gateway.yaml
refuse "a route to nobody" "nobody"
sed -i 's/segment_mib: .*/segment_mib: 32/' $dir/gateway.yaml
refuse "a key that the running keeper cannot change" "journal.segment_mib: that needs a restart"

# A check that waits for a file (a FIFO nobody writes to) holds up nothing: a worker killed meanwhile is replaced long
# before the check is stopped, and a newer file takes the place of the one that is being checked.
mkfifo $dir/silent
sed -i "s|certs/out/gateway.crt|$dir/silent|" $dir/gateway.yaml
grep -qF "$dir/silent" $dir/gateway.yaml || fail "conf/gateway.yaml names no certs/out/gateway.crt"
kill -HUP "$gateway"
for _ in $(seq 50); do check=$(pgrep -P "$gateway" -f '^yitongd check') && break; sleep 0.1; done
[ -n "$check" ] || fail "no check runs"
worker=$(pgrep -P "$gateway" -f '^yitongd worker' | head -n 1)
kill -KILL "$worker"
for _ in $(seq 50); do
	[ "$(pgrep -c -P "$gateway" -f '^yitongd worker')" = 2 ] && break
	sleep 0.1
done
[ "$(pgrep -c -P "$gateway" -f '^yitongd worker')" = 2 ] || fail "the killed worker is not replaced while the check runs"
is_alive "$check" || fail "the check ended before it could hold up anything"
for _ in $(seq 50); do ask && break; sleep 0.1; done
ask || fail "nobody is served while the check runs"
say "ok: a worker killed during a slow check is replaced meanwhile"
cp $dir/right.yaml $dir/gateway.yaml
echo '  nonsense: [' >>$dir/gateway.yaml
refuse "a file that came after one that is still being checked" "gateway.yaml:"
! is_alive "$check" || fail "the check that nobody waits for goes on"

# A change for the better, while somebody asks all the time: no request may fail.
( while [ ! -e $dir/enough ]; do ask || echo failed >>$dir/failed; done ) &
asker=$!
sed -i 's/query_timeout_ms: 30000/query_timeout_ms: 25000/' $dir/gateway.yaml
pin nhsa "$(sha256sum <build/release/plugins/nhsa.so | cut -d ' ' -f 1)"
kill -HUP "$gateway"
wait_log 1 "ready: generation 2"
sleep 1
touch $dir/enough
wait $asker
[ ! -e $dir/failed ] || fail "requests failed during the reload"
[ "$(generation)" = 2 ] || fail "generation 2 is not active"
say "ok: a right file is used without a gap"
for _ in $(seq 100); do
	[ -e $dir/gateway/active-1.yaml ] || break
	sleep 0.1
done
[ ! -e $dir/gateway/active-1.yaml ] && cmp -s $dir/gateway.yaml $dir/gateway/active-2.yaml ||
	fail "the copies in run_dir: $(ls $dir/gateway)"
say "ok: what runs is what was checked, and the old copy is gone"
