# plugins/insurer/fields_gen.awk - turns an insurer's fields.tsv into the C structs of insurer.h.
#
# Run by the plugins' CMakeLists.txt:  awk -v name=tianyi -f fields_gen.awk fields.tsv > fields.c
# Columns, separated by tabs, after one heading line; lines with # are comments:
#   message  side (in, out)  node ("-": the message itself; "x" an object, "x?" one that may be left out, "x[]" rows,
#   "x[+]" at least one row; paths with dots)  part (consent: F, D, I; "-": none)  canonical object (behind "/" the
#   filter: 1 2 3 m o)  field  type  length ("-": none)  must  canonical members  codes ("-": none)  zh
# "A side = B side": that side of message A has the rows of that side of B, which stands above.
# Rows of one node that stand together are one group; a node may come again further down.

function die(why) { printf "%s:%d: %s\n", FILENAME, FNR, why > "/dev/stderr"; failed = 1; exit 1 }
function quoted(s) { return s == "-" || s == "" ? "NULL" : "\"" s "\"" }

BEGIN { FS = "\t"; printf "/* Made by plugins/insurer/fields_gen.awk: do not edit. */\n#include \"insurer.h\"\n" }
/^#/ { next }
!heading { heading = 1; next }
NF == 5 && $3 == "=" {
	if (!(($4, $5) in n_groups)) die("no rows of " $4 " " $5 " above")
	if (!($1 in seen)) { seen[$1] = 1; wires[++n_wires] = $1 }
	same[$1, $2] = $4 SUBSEP $5
	last = ""
	next
}
{
	if (NF != 12) die("wants 12 columns, has " NF)
	if ($2 != "in" && $2 != "out") die("side must be in or out")
	if ($4 !~ /^[-FDI]$/) die("part must be F, D, I or -")
	if ($7 !~ /^[SZNIBDdTtFPAMELX]$/) die("there is no such type")
	if ($8 !~ /^(-|[0-9]+)$/) die("length must be a number")
	if ($9 !~ /^[MOZWK]$/) die("must is M, O, Z, W or K")
	if (!($1 in seen)) { seen[$1] = 1; wires[++n_wires] = $1 }
	if ($1 SUBSEP $2 SUBSEP $3 SUBSEP $5 != last) {
		last = $1 SUBSEP $2 SUBSEP $3 SUBSEP $5
		g = ++count
		group[$1, $2, ++n_groups[$1, $2]] = g
		node = $3; rows[g] = "false"; needed[g] = "true"
		if (sub(/\[\]$/, "", node)) { rows[g] = "true"; needed[g] = "false" }
		else if (sub(/\[\+\]$/, "", node)) rows[g] = "true"
		else if (sub(/\?$/, "", node)) needed[g] = "false"
		node_of[g] = node == "-" ? "" : node
		split($5, canon, "/")
		canon_of[g] = canon[1]; filter[g] = canon[2] == "" ? "0" : "'" canon[2] "'"
		delete canon
		part[g] = $4 == "-" ? "0" : "'" $4 "'"
		printf "\n"
	}
	field[g, ++n_fields[g]] = sprintf("{ \"%s\", '%s', '%s', %d, \"%s\", %s, \"%s\" },", $6, $7, $9, $8 == "-" ? 0 : $8, $10, quoted($11), $12)
}
function put_side(w, side,    i, j, g) {
	if (!((w, side) in n_groups)) return
	for (i = 1; i <= n_groups[w, side]; i++) {
		g = group[w, side, i]
		printf "static const struct ins_field fields_%d[] = {\n", g
		for (j = 1; j <= n_fields[g]; j++) printf "\t%s\n", field[g, j]
		printf "};\n"
	}
	printf "static const struct ins_group %s_%s[] = {\n", side, w
	for (i = 1; i <= n_groups[w, side]; i++) {
		g = group[w, side, i]
		printf "\t{ \"%s\", \"%s\", %s, %s, %s, %s, %d, fields_%d },\n", node_of[g], canon_of[g], rows[g], needed[g], filter[g], part[g], n_fields[g], g
	}
	printf "};\n"
}
function ref(w, side,    at, p) {
	at = (w, side) in same ? same[w, side] : w SUBSEP side
	if (!(at in n_groups)) return "NULL"
	split(at, p, SUBSEP)
	return p[2] "_" p[1]
}
function size(w, side,    at) {
	at = (w, side) in same ? same[w, side] : w SUBSEP side
	return at in n_groups ? n_groups[at] : 0
}
END {
	if (failed) exit 1
	for (i = 1; i <= n_wires; i++) { put_side(wires[i], "in"); put_side(wires[i], "out") }
	printf "\nextern const struct ins_schema %s_schemas[];\nconst struct ins_schema %s_schemas[] = {\n", name, name
	for (i = 1; i <= n_wires; i++) {
		w = wires[i]
		printf "\t{ \"%s\", %s, %s, %d, %d },\n", w, ref(w, "in"), ref(w, "out"), size(w, "in"), size(w, "out")
	}
	printf "\t{ NULL, NULL, NULL, 0, 0 } /* end */\n};\n"
}
