#!/bin/bash
# tests/e2e/demonstration.sh - the whole way: `./dev run --once` ends well with other people and amounts than the
# delivered ones, its summary says so, and nothing that names a person is left in clear text (promise P9).
set -u
cd "$(dirname "$0")/../.." || exit 1
bin=build/release/bin
seed=$RANDOM
traffic=$(mktemp)
names=$(mktemp)
trap 'rm -f "$traffic" "$names"' EXIT
./dev build >/dev/null || exit 1
$bin/yitong-sandbox traffic --seed $seed >"$traffic" || exit 1
./dev run --once --traffic "$traffic" --seed $seed || { echo "seed $seed"; exit 1; }
jq -e '.one_sided == 0 and .journal.verified == true and .pending == 0 and .reversed > 0 and .resettled > 0
	and (.exchanges | length > 0) and .visits >= 200' run/summary.json || exit 1

# Across provinces: enough visits of each sort, the published example, and lost answers adopted, not reversed.
jq -e '.cases | ([to_entries[] | select(.key | startswith("guest-") or startswith("away-")) | .value.visits] | add) >= 200
	and ([to_entries[] | select(.key | startswith("away-")) | .value.visits] | add) >= 30
	and .["guest-qingyang"].as_expected == 1
	and ([.["guest-lost-after", "guest-lost-cut", "guest-502", "guest-signature", "guest-cut-body"]
		| .visits == .as_expected and .reversed == 0] | all)' run/summary.json ||
	{ echo "visits across provinces are missing or were reversed"; exit 1; }

# Claims over both insurers, each of a settlement that counts; decisions were told, and nothing was paid twice.
jq -e '.claims | ([.[].claims] | add) >= 80 and ([.[].paid] | add) >= 50 and ([.[].refused] | add) >= 5
	and ([.[].withdrawn] | add) >= 5 and ([.[].open] | add) == 0 and .["金惠保"].paid >= 25' run/summary.json ||
	{ echo "claims are missing or still open"; exit 1; }
# What came back was paid anew, once, to another account; what was paid for a stay cancelled since is asked back by a record.
jq -e '.claims | ([.[].corrected] | add) >= 5 and ([.[].asked_back] | add) >= 5' run/summary.json &&
	jq -e '.cases | [.["mandate-returned", "mandate-returned-name", "mandate-closed", "mandate-asked-back", "claim-asked-back",
		"jinhui-asked-back"] | .visits == .as_expected] | all' run/summary.json &&
	jq -e '.asked_back.open == ([.claims[].asked_back] | add) and .asked_back.fen == ([.claims[].asked_back_fen] | add)' run/summary.json ||
	{ echo "what came back, or is asked back, is not what the ledgers say"; exit 1; }
# What the insurer left to us was paid over each of the bank's channels, by hospital; there too some came back, or were cancelled after it.
jq -e '.claims["天一甬宁保"].paid_by | .insurer.paid >= 50 and ([.link, .iso20022, .file] | all(.paid >= 10 and .corrected >= 2 and .asked_back >= 2))' \
	run/summary.json || { echo "claims were not paid over all channels"; exit 1; }
# The bank's statement of the day told of every payment, whichever way it left, and of none otherwise than it was known here.
jq -e '.lined >= 100 and .unlined == 0 and .parked == 0' run/summary.json || { echo "payments are in no statement, or a statement parked some"; exit 1; }
jq -e '.double_claims == 0 and .events_taken >= 150' run/ledger-insurer.json >/dev/null || { echo "the insurer's events did not arrive"; exit 1; }

# Who agreed, but is on no insurer's list: the insurer never heard of him, and here it is said why.
jq -e '.cases | [.["claim-not-enrolled", "jinhui-not-enrolled"] | .visits >= 2 and .visits == .as_expected] | all' run/summary.json &&
	$bin/yitong --conf run/demo.yaml enrolment >/dev/null || { echo "people on no list were claimed for, or a list is not in use"; exit 1; }
settlement=$($bin/yitong --conf run/demo.yaml messages --state refused --limit 1000 --json | jq -r 'select(.number | startswith("+/")) | .number' |
	while read -r number; do $bin/yitong --conf run/demo.yaml show "$number" --lang en | grep -o 'not enrolled: not on the list of [a-z]*'; done | sort | uniq -c)
case $settlement in *jinhui*tianyi*) ;; *) echo "nobody is told to be on no list: $settlement"; exit 1 ;; esac

$bin/yitong --conf run/demo.yaml --lang en audit | grep -q 'enrolment load tianyi' || { echo "nobody has loaded the list of tianyi"; exit 1; }

# Payments: claims that the insurer leaves to us and allowances of an agency, whatever the bank did with the orders; what
# the bank booked is compared with what was decided and ordered in one_sided.
jq -e '.cases | ([to_entries[] | select(.key | startswith("mandate")) | .value | .visits == .as_expected] | length >= 22 and all)
	and ([to_entries[] | select(.key | startswith("allowance")) | .value | .visits == .as_expected] | length >= 26 and all)' \
	run/summary.json && jq -e '.payouts.ordered >= 80 and .payouts.paid >= 60 and ([.payouts.paid_by["link", "iso20022", "file"]] | min >= 8) and .payouts.paid < .payouts.ordered' run/summary.json ||
	{ echo "payouts are missing or did not end as the bank was told to end them"; exit 1; }
# Allowances to a wrong account: their agencies saw them come back, ordered them anew, and were paid once.
jq -e '(.payouts.reordered >= 8) and (.cases | [to_entries[] | select(.key | endswith("-reordered") or endswith("-reordered-name")) | .value
	| .visits >= 2 and .visits == .as_expected] | length == 4 and all)' run/summary.json ||
	{ echo "allowances that came back were not paid once to another account"; exit 1; }
if grep '(pay.order at .*: it is parked' run/gateway.log; then
	echo "the gateway does not know what became of the orders above"
	exit 1
fi

# Names and id numbers of everybody who was treated: in no log, no journal, no index, no list.
jq -r '.people[] | .certno, .name' "$traffic" >"$names"
printf '%s\n' 621002197203164015 苏望川 >>"$names"
[ "$(wc -l <"$names")" -gt 20 ] || { echo "too few people to look for"; exit 1; }
grep -qF -f "$names" "$traffic" || { echo "the search itself does not find them"; exit 1; }
$bin/yitong --conf run/demo.yaml messages --limit 1000 >run/messages.txt || exit 1
$bin/yitong --conf run/demo.yaml messages --limit 1000 --json >run/messages.json || exit 1
if grep -lraF -f "$names" run/gateway run/gateway.log run/messages.txt run/messages.json; then
	echo "a name or id number stands in clear text in the files above"
	exit 1
fi

# The log tells each exchange that did not go the plain way, what became of it, and who asked for whom he may not.
said() { grep -E "keeper: exchange [0-9a-f]{16} .*: ($1)\$" run/gateway.log | sed -E 's/.*exchange ([0-9a-f]{16}) .*/\1/' | sort -u; }
[ "$(said 'its outcome is unknown' | wc -l)" -ge 25 ] || { echo "the log names too few unknown outcomes"; exit 1; }
untold=$(comm -23 <(said 'its outcome is unknown') <(said 'it is reversed.*|it is found out.*|it is parked.*'))
[ -z "$untold" ] || { echo "the log does not say what became of $untold"; exit 1; }
[ "$(said 'its payment is said to have come back.*' | wc -l)" -ge 12 ] || { echo "the log does not tell what came back"; exit 1; }
grep -q 'denied on hospitals to "hospital-.*may not speak for this institution' run/gateway.log ||
	{ echo "the log does not say who asked for another's institution"; exit 1; }
