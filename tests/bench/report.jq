# tests/bench/report.jq - from one object a measurement to run/bench.json: medians over the rounds.
def median: sort | if length == 0 then null else (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2 end;
def round2: if . == null then null else . * 100 | round / 100 end;
def side: if length == 0 then null else {
	cpu_us: (map(.cpu_us) | median | round2), rps: (map(.rps) | median | round),
	p50_us: (map(.p50_us) | median), p99_us: (map(.p99_us) | median), errors: (map(.errors) | add) } end;
# Runs of two targets in one round, side by side: [of a, of b].
def pairs($a; $b): [group_by(.round)[] | [(map(select(.target == $a))[0]), (map(select(.target == $b))[0])]
	| select(.[0] != null and .[1] != null)];
def ratio($field): [.[] | select(.[1][$field] > 0) | .[0][$field] / .[1][$field]] | median | round2;
def row($op; $a; $b; $beside): pairs($a; $b) as $pairs
	| { group: .[0].group, op: $op, connections: .[0].connections, streams: .[0].streams, mode: .[0].mode,
		offered_rps: .[0].offered_rps, beside: $beside,
		yitong: (map(select(.target == $a)) | side), ($beside): (map(select(.target == $b)) | side),
		ratio: ($pairs | {cpu: ratio("cpu_us"), rps: ratio("rps"), p99: ratio("p99_us")}) };
def bar($rows; $limit): [$rows[].ratio.cpu | select(. != null)] |
	if length == 0 then null else {limit: $limit, worst: max, met: (max <= $limit)} end;

. as $all
| [$all[] | select(.round)] as $runs
| def pss($target; $field): [$all[] | select(.target == $target) | .[$field] // empty] | first;
  def alone($name): [$all[] | select(.alone == $name)] | first;
  [$runs | group_by([.group, .op, .connections, .streams, .mode])[] | .[0].group as $group
	| if $group == "cross" then row("cross"; "cross"; "nginx"; "nginx"), row("cross-sign"; "sign"; "nginx"; "nginx")
	elif $group == "large" then row(.[0].op; "large"; "yitong"; "small")
	elif $group == "h2" then row(.[0].op; "yitong-h2"; "nginx-h2"; "nginx")
	else row(.[0].op; "yitong"; "nginx"; "nginx") end]
| sort_by(["local", "cross", "h2", "large"] as $order | (.group as $g | $order | index($g)), .op, .mode == "offered",
	-.streams, .connections) as $rows
| [$all[] | select(.quote)] as $quotes
| def quote($phase): [$quotes[] | select(.quote == $phase)][0];
  def rows($group; $op): [$rows[] | select(.group == $group and ($op == null or .op == $op))];
  [$runs[] | select(.group == "cross")] as $cross
| [$cross | group_by(.mode)[] | pairs("sign"; "cross")[]] as $signed
| ([rows("local"; "settle")[] | select(.mode == "saturated" and .yitong)] | max_by(.yitong.rps)) as $settle
| alone("gateway").pss_kib as $idle_kib
| { rounds: $rounds, seconds: $seconds, cores: $cores, load: $load,
	note: "generator and stub run on the same cores; cpu_us counts all processes of the side, user and system",
	rows: $rows,
	signature: (if ($signed | length) == 0 then null else {
		cpu_us: ([$signed[] | .[0].cpu_us - .[1].cpu_us] | median | round2),
		percent: ([$signed[] | 100 * (.[0].cpu_us - .[1].cpu_us) / .[0].cpu_us] | median | round2) } end),
	memory: { pss_idle_kib: $idle_kib, pss_connected_kib: pss("yitong"; "pss_kib_connected"),
		pss_after_kib: pss("yitong"; "pss_kib_after"), large_pss_idle_kib: alone("large").pss_kib },
	start_ms: {small: alone("gateway").start_ms, large: alone("large").start_ms},
	bars: { query_cpu: bar(rows("local"; "query"); 1.5), settle_cpu: bar(rows("local"; "settle"); 2.5),
		settle_rps: (if $settle == null then null else {limit: 3000, rps: $settle.yitong.rps,
			connections: $settle.connections, met: ($settle.yitong.rps >= 3000)} end),
		cross_cpu: bar(rows("cross"; "cross"); 2.5), h2_cpu: bar(rows("h2"; null); 2.5),
		large_cpu: bar(rows("large"; null); 1.1),
		quote_wait: (if ($quotes | length) == 0 then null else ([$quotes[].max_us] | max) as $max
			| {limit_ms: ($budget_ms + 500), worst_ms: ($max / 1000 | round), met: ($max <= ($budget_ms + 500) * 1000)} end),
		quote_p99: (if ($quotes | length) == 0 then null else (["dead", "hangs"] | map(quote(.).p99_us / quote("normal").p99_us))
			| {limit: 2, dead: (.[0] | round2), hangs: (.[1] | round2), met: (max <= 2)} end),
		idle_memory: (if $idle_kib then {limit_kib: 65536, met: ($idle_kib <= 65536)} else null end) },
	quote: $quotes,
	errors: ([$runs[].errors, $quotes[].errors] | add) }
