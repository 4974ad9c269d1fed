# tests/bench/report.jq - from one object a measurement to run/bench.json: medians over the rounds.
def median: sort | if length == 0 then null else (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2 end;
def round2: if . == null then null else . * 100 | round / 100 end;
def side: {
	cpu_us: (map(.cpu_us) | median | round2), rps: (map(.rps) | median | round),
	p50_us: (map(.p50_us) | median), p99_us: (map(.p99_us) | median), errors: (map(.errors) | add) };
def ratio($field): . as $pairs | [$pairs[] | select(length == 2) | (map(select(.target == "yitong"))[0][$field]) as $a
	| (map(select(.target == "nginx"))[0][$field]) as $b | select($b > 0) | $a / $b] | median | round2;
def bar($rows; $op; $limit): [$rows[] | select(.op == $op and .ratio.cpu != null) | .ratio.cpu] |
	if length == 0 then null else {limit: $limit, worst: max, met: (max <= $limit)} end;

. as $all
| [$all[] | select(.round)] as $runs
| def pss($field): [$all[] | select(.target == "yitong") | .[$field] // empty] | first;
  pss("pss_kib_idle") as $idle_kib
| [$runs | group_by([.op, .connections, .mode])[] | {
	op: .[0].op, connections: .[0].connections, mode: .[0].mode, offered_rps: .[0].offered_rps,
	yitong: (map(select(.target == "yitong")) | if length == 0 then null else side end),
	nginx: (map(select(.target == "nginx")) | side),
	ratio: (group_by(.round) | {cpu: ratio("cpu_us"), rps: ratio("rps"), p99: ratio("p99_us")}) }]
| sort_by(.op, .mode == "offered", .connections) as $rows
| { rounds: $rounds, seconds: $seconds, cores: $cores,
	note: "generator and stub run on the same cores; cpu_us counts all processes of the side, user and system",
	rows: $rows,
	memory: {
		pss_idle_kib: $idle_kib, pss_connected_kib: pss("pss_kib_connected"), pss_after_kib: pss("pss_kib_after") },
	bars: { query_cpu: bar($rows; "query"; 1.5), settle_cpu: bar($rows; "settle"; 2.5),
		idle_memory: (if $idle_kib then {limit_kib: 65536, met: ($idle_kib <= 65536)} else null end) },
	errors: ([$runs[].errors] | add) }
