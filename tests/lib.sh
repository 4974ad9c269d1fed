# shellcheck shell=bash
# tests/lib.sh - what ./dev, tests/bench/run and the end-to-end scripts share: sourced, not run.
#
# Processes are started in the background, their output in a file, and stopped by their own pid:
# SIGTERM first, SIGKILL after stop_s seconds.  A script that sources this calls `trap stop_all EXIT`.

export LC_ALL=C # what scripts read back is English, whoever runs them

stop_s=10
started_pids=()
started_names=()
last_pid=

say() { printf '%s\n' "$*"; }
fail() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# seconds since the epoch with a decimal, and the difference to now
now() { printf '%s' "${EPOCHREALTIME/,/.}"; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f s", b - a }'; }

# step TEXT LOG COMMAND...: says what is being done and how long it took; the output goes to LOG.
step() {
	local text=$1 log=$2 from
	shift 2
	from=$(now)
	printf '%s ... ' "$text"
	mkdir -p "$(dirname "$log")"
	if "$@" >"$log" 2>&1 </dev/null; then
		printf 'done, %s\n' "$(since "$from")"
		return 0
	fi
	printf 'FAILED after %s; the end of %s:\n' "$(since "$from")" "$log"
	tail -n 40 "$log"
	return 1
}

# start NAME LOG COMMAND...: sets last_pid.
start() {
	local name=$1 log=$2
	shift 2
	mkdir -p "$(dirname "$log")"
	"$@" >>"$log" 2>&1 </dev/null &
	last_pid=$!
	started_pids+=("$last_pid")
	started_names+=("$name")
}

# A process of which any thread still runs: one that its parent has not yet collected is gone all the same.
is_alive() { grep -hs '^State:' "/proc/$1/task/"*/status | grep -qv '[ZX] ('; }

# kill_all SUPERVISOR: it and its children, with SIGKILL; returns when none of them holds a port or a lock any more.
kill_all() {
	local family="$1 $(pgrep -P "$1" | tr '\n' ' ')" pid i
	# shellcheck disable=SC2086 # one word a process
	kill -KILL $family 2>/dev/null
	wait "$1" 2>/dev/null
	for pid in $family; do
		for ((i = 0; i < stop_s * 20; i++)); do
			is_alive "$pid" || { sleep 0.05 && is_alive "$pid"; } || continue 2 # one that is ending may look gone too early
			sleep 0.05
		done
		fail "process $pid outlives SIGKILL"
	done
}

# stop PID: returns when it is gone.
stop() {
	local pid=$1 i
	is_alive "$pid" || { wait "$pid" 2>/dev/null; return 0; }
	kill -TERM "$pid" 2>/dev/null
	for ((i = 0; i < stop_s * 10; i++)); do
		is_alive "$pid" || { wait "$pid" 2>/dev/null; return 0; }
		sleep 0.1
	done
	say "$(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-80) (pid $pid) did not end within $stop_s s after SIGTERM: SIGKILL" >&2
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	return 0
}

# Ends what was started, the latest first.
stop_all() {
	local i
	for ((i = ${#started_pids[@]} - 1; i >= 0; i--)); do
		stop "${started_pids[i]}"
	done
	started_pids=()
	started_names=()
}

# The socket inode that listens on a TCP port, empty if none.
port_inode() {
	awk -v p="$(printf ':%04X' "$1")" '$4 == "0A" && substr($2, length($2) - 4) == p { print $10; exit }' \
		/proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# "name (pid N)" of who listens on a port.
port_holder() {
	local inode=$1 fd pid
	fd=$(find /proc/[0-9]*/fd -lname "socket:\[$inode\]" 2>/dev/null | head -n 1)
	pid=${fd#/proc/}
	pid=${pid%%/*}
	if [ -n "$pid" ]; then
		printf '%s (pid %s)' "$(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-80)" "$pid"
	else
		printf "a process of another user"
	fi
}

# need_free PORT...: fails with the holder's name.
need_free() {
	local port inode
	for port in "$@"; do
		inode=$(port_inode "$port")
		[ -z "$inode" ] || fail "port $port is taken by $(port_holder "$inode"); stop it first"
	done
}

# free_ports NAME...: gives each variable a TCP port below the ephemeral ones that nobody listens on.
free_ports() {
	local name candidate given=" "
	for name in "$@"; do
		candidate=$((20000 + RANDOM % 12000))
		while [ -n "$(port_inode "$candidate")" ] || [[ $given == *" $candidate "* ]]; do
			candidate=$((20000 + RANDOM % 12000))
		done
		given+="$candidate "
		printf -v "$name" '%s' "$candidate"
	done
}

# eventually COMMAND...: until it says yes, at most 20 s.
eventually() {
	local i
	for ((i = 0; i < 200; i++)); do "$@" && return; sleep 0.1; done
	return 1
}

# wait_port PORT PID SECONDS LOG: until PORT is listened on; fails when PID ends or time is up.
wait_port() {
	local i
	for ((i = 0; i < $3 * 20; i++)); do
		[ -z "$(port_inode "$1")" ] || return 0
		if ! is_alive "$2"; then
			say "it ended before it listened on port $1; the end of $4:" >&2
			tail -n 30 "$4" >&2
			return 1
		fi
		sleep 0.05
	done
	say "nothing listens on port $1 after $3 s; the end of $4:" >&2
	tail -n 30 "$4" >&2
	return 1
}

# make_conf OUT KEY=VALUE...: conf/gateway.yaml (or $base_conf) with every value of each KEY replaced; a key that is not
# in it is an error, so that what is written here follows the delivered file.  Folders of parties by files are made.
make_conf() {
	local out=$1 base=${base_conf:-conf/gateway.yaml} folder
	shift
	mkdir -p "$(dirname "$out")"
	for folder in $(sed -n 's|^ *url: file:||p' "$base"); do
		mkdir -p "$folder"/{out,sent,in,taken,done,refused}
	done
	awk -v base="$base" -v settings="$(printf '%s\n' "$@")" '
		BEGIN { n = split(settings, lines, "\n")
			for (i = 1; i <= n; i++) if ((at = index(lines[i], "=")) > 0) want[substr(lines[i], 1, at - 1)] = substr(lines[i], at + 1) }
		{ key = $1; sub(/:$/, "", key) }
		key == "url" && $2 !~ /^"?https:/ { print; next } # of what does not speak HTTP
		(key in want) && $1 ~ /:$/ { match($0, /^ */); $0 = substr($0, 1, RLENGTH) key ": " want[key]; seen[key] = 1 }
		{ print }
		END { for (key in want) if (!(key in seen)) { print base " has no key " key > "/dev/stderr"; exit 1 } }
	' "$base" >"$out"
}
