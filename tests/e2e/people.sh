#!/bin/bash
# tests/e2e/people.sh - who may do what on the control socket: roles, Unix users, and decisions of two persons.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
bin=${YT_BIN:-build/release/bin} dir=run/people
trap stop_all EXIT
[ -n "${YT_BIN:-}" ] || ./dev build >/dev/null || exit 1
sh certs/make >/dev/null || exit 1
free_ports mtls signed platform control
rm -rf $dir && mkdir -p $dir
make_conf $dir/all.yaml run_dir=$dir/gateway folder=$dir/gateway/journal index=$dir/gateway/index.db \
	data_keys=$dir/gateway/data-keys plugin_dir="${bin%/bin}/plugins" query_timeout_ms=2000 change_timeout_ms=2000 \
	server_delay_ms=500 late_ms=200 reverse_after_ms=200 retry_ms=100 timeout_ms=20000 \
	url=https://127.0.0.1:$platform/fsi/api/rsfComIfsService/callService || exit 1
sed -e "s/port: 8443/port: $mtls/; s/port: 8444/port: $signed/" $dir/all.yaml >$dir/gateway.yaml
cat >>$dir/gateway.yaml <<'END'
operators:
  - { name: li, roles: [business] }
  - { name: wang, roles: [business, checker] }
  - { name: sun, roles: [auditor] }
  - { name: zhao, roles: [system] }
  - { name: qian, roles: [security] }
  - { name: who, user: nobody, roles: [business] }
END
start platform $dir/platform.log $bin/yitong-sandbox platform --port $platform --control-port $control --certs certs/out
wait_port $platform "$last_pid" 10 $dir/platform.log || exit 1
start yitongd $dir/gateway.log $bin/yitongd --conf $dir/gateway.yaml
wait_port $mtls "$last_pid" 20 $dir/gateway.log || exit 1
yitong() { $bin/yitong --conf $dir/gateway.yaml "$@"; }
may() { yitong "$@" >$dir/out.txt 2>&1 || fail "$*: $(cat $dir/out.txt)"; }
may_not() { # WORDS COMMAND...
	local words=$1
	shift
	yitong "$@" >$dir/out.txt 2>&1 && fail "$* was done"
	grep -q "$words" $dir/out.txt || fail "$*: $(cat $dir/out.txt)"
}
park() { # SERIAL: an exchange that no machine can find out; prints it
	curl -sS -X POST http://127.0.0.1:$control/fault -d '{"infno":"9999","kind":"cut","count":1}' >/dev/null
	jq -c --arg n "H3302139990120260314092805$1" '.infno = "9999" | .msgid = $n' conf/example-1101.json |
		curl -sS --max-time 30 --cacert certs/out/ca.crt --cert certs/out/hospital-one.crt \
			--key certs/out/hospital-one.key -H 'Content-Type: application/json' --data @- \
			https://127.0.0.1:$mtls/ >$dir/answer-$1.json &
	for _ in $(seq 100); do
		yitong parked --json 2>/dev/null | jq -r --arg n "$1" 'select(.number | endswith($n)) | .exchange' >$dir/parked
		[ -s $dir/parked ] && { cat $dir/parked; return; }
		sleep 0.1
	done
	fail "nothing was parked"
}

x=$(park 0001) || exit 1
may_not "no operator" decide "$x" done --why x --operator mallory
may_not "one of the roles business" decide "$x" done --why x --operator sun
may_not "run this as that one" decide "$x" done --why x --operator who
may decide "$x" done --why "seen on their screen" --operator wang
id=$(yitong confirm --json | jq -r .proposal)
[ "$(yitong parked --json | jq -r .exchange)" = "$x" ] || fail "it is decided by one person"
may_not "cannot confirm it" confirm "$id" --operator wang
may_not "one of the roles checker" confirm "$id" --operator li
may_not "no such proposal" confirm 000000 --operator wang
may decide "$x" refused --why "asked by telephone" --operator li
other=$(yitong confirm --json | jq -r 'select(.operator == "li").proposal')
may confirm "$other" --operator wang
may_not "no such open exchange" decide "$x" done --why x --operator li
for _ in $(seq 50); do [ -s $dir/answer-0001.json ] && break; sleep 0.1; done
grep -q Y403 $dir/answer-0001.json || fail "the hospital hears: $(cat $dir/answer-0001.json)"
say "ok: two persons decided"

x=$(park 0002) || exit 1
may decide "$x" retry --why "again" --operator li
say "ok: a retry needs one"
may_not "one of the roles system business" lane zhejiang stop --operator qian --reason x
may lane zhejiang stop --operator zhao --reason x
may lane zhejiang start --operator li --reason x
may_not "one of the roles security" journal erase 2026-03-14 --yes --operator zhao --reason x
say "ok: each may do what is his"
if [ "$(id -u)" = 0 ] && id nobody >/dev/null 2>&1 && command -v setpriv >/dev/null; then
	mkdir -p "$dir/open" && cp $bin/yitong $dir/gateway.yaml "$dir/open/"
	open=$(mktemp -d) && chmod 755 "$open" && cp $bin/yitong "$open/" && mkdir "$open/run"
	# The socket is reached by its name; the configuration names the folder, so it is read with that folder.
	sed "s#run_dir: .*#run_dir: $PWD/$dir/gateway#" $dir/gateway.yaml >"$open/gateway.yaml" && chmod 644 "$open/gateway.yaml"
	as_nobody() { setpriv --reuid=nobody --regid=nogroup --clear-groups "$open/yitong" --conf "$open/gateway.yaml" "$@"; }
	if setpriv --reuid=nobody --regid=nogroup --clear-groups test -x "$PWD/$dir/gateway"; then
		x=$(park 0003) || exit 1
		as_nobody decide "$x" done --why "as who" >$dir/out.txt 2>&1 || fail "who, by its user: $(cat $dir/out.txt)"
		yitong confirm --json | jq -e 'select(.operator == "who")' >/dev/null || fail "it is not who's"
		as_nobody decide "$x" done --why x --operator li >$dir/out.txt 2>&1 && fail "nobody is li"
		say "ok: a Unix user is who it is"
	else
		say "skipped: this folder is closed to other users"
	fi
	rm -rf "$open" "$dir/open"
fi
yitong audit >$dir/audit.txt
grep -q 'li .*proposed refused' $dir/audit.txt || fail "audit: $(cat $dir/audit.txt)"
grep -q 'wang .*confirmed refused' $dir/audit.txt || fail "audit: $(cat $dir/audit.txt)"
yitong journal verify >$dir/verify.log || fail "the journal does not verify"
say "ok: who proposed and who confirmed is in the journal"
