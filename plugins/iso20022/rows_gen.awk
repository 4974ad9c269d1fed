# plugins/iso20022/rows_gen.awk - turns fields.tsv into the C structs of iso.h.
#
# Run by CMakeLists.txt:  awk -f rows_gen.awk fields.tsv > rows.c.  POSIX awk only.  Columns, separated by tabs, after
# one heading line; lines with # are comments:
#   group    what the rows stand below: "pain001_tx" is one CdtTrfTxInf; they are written in the order they have here
#   path     elements below the group's, "CdtrAgt/FinInstnId/Nm"
#   name     canonical; "-": of the wire alone
#   type     T text, I identifier A-Z 0-9, N digits, A amount with its currency, S sum, C code, U UETR, B truth value,
#            D day, E day or time of which the day counts, M time
#   max      characters at most; "-": by its type
#   need     Y: must be there
#   fixed    "=x": written always; "=x?name": where that member is there
#   edition  "09", "03": of pain.001; "r": read, never written
#   zh       meaning
# Where two rows have one name the first that is there counts: editions of a message put the same into other places.

function die(why) { printf "%s:%d: %s\n", FILENAME, FNR, why > "/dev/stderr"; failed = 1; exit 1 }
function text(s) { return s == "-" || s == "" ? "NULL" : "\"" s "\"" }

BEGIN { FS = "\t"; printf "/* Made by plugins/iso20022/rows_gen.awk: do not edit. */\n#include \"iso.h\"\n" }
/^#/ { next }
!heading { heading = 1; next }
{
	if (NF != 9) die("wants 9 columns, has " NF)
	if ($4 !~ /^[TINASCUBDEM]$/) die("type must be one of TINASCUBDEM")
	if ($5 !~ /^([0-9]+|-)$/) die("max must be a number or -")
	if ($6 !~ /^[YN]$/) die("need must be Y or N")
	if ($8 !~ /^(09|03|r|-)$/) die("edition must be 09, 03, r or -")
	if ($1 != group) {
		if (group != "") print "};"
		if ($1 in seen) die("group is in two places")
		group = $1; seen[group] = 1; order[++n_groups] = group
		printf "\nstatic const struct iso_row rows_%s[] = {\n", group
	}
	n = split($2, part, "/")
	if (n > 6) die("path is too long")
	segments = ""
	for (i = 1; i <= n; i++) segments = segments "\"" part[i] "\", "
	fixed = $7; cond = "-"
	if (fixed != "-") {
		if (substr(fixed, 1, 1) != "=") die("fixed begins with =")
		fixed = substr(fixed, 2)
		if ((at = index(fixed, "?")) > 0) { cond = substr(fixed, at + 1); fixed = substr(fixed, 1, at - 1) }
	}
	printf "\t{ { %sNULL }, %s, %s, %s, '%s', %d, %s, '%s' },\n", segments, text($3), text(fixed), text(cond), $4, \
		$5 == "-" ? 0 : $5, $6 == "Y" ? "true" : "false", $8 == "09" ? "9" : $8 == "03" ? "3" : $8 == "r" ? "r" : " "
	count[group]++
}
END {
	if (failed) exit 1
	print "};"
	for (i = 1; i <= n_groups; i++)
		printf "const struct iso_group iso_%s = { rows_%s, %d };\n", order[i], order[i], count[order[i]]
}
