# plugins/banklink/rows_gen.awk - turns fields.tsv into the C structs of bdl.h.
#
# Run by CMakeLists.txt:  awk -f rows_gen.awk fields.tsv > rows.c.  POSIX awk only.  Columns, separated by tabs, after
# one heading line; lines with # are comments:
#   group    "BD1001_in" its request's Body, "_out" its answer's, "_row" a repeated element of the answer; "head_…"
#   element  on the wire, in this order
#   name     canonical
#   type     bank.md 5.2: C ASCII, N digits, # N that counts (no zeros in front inside), Z text; A amount above 0, F amount, B balance, D day (yyyy-MM-dd inside),
#            8 day, 6 time as they are, K business (CL, MA, HS, IN inside), X Base64
#   max      octets of GB18030 at most; 0: the frame's limit
#   need     Y must be there; E must be there, may be empty; O may be left out
#   zh       meaning

function die(why) { printf "%s:%d: %s\n", FILENAME, FNR, why > "/dev/stderr"; failed = 1; exit 1 }

BEGIN { FS = "\t"; printf "/* Made by plugins/banklink/rows_gen.awk: do not edit. */\n#include \"bdl.h\"\n" }
/^#/ { next }
!heading { heading = 1; next }
{
	if (NF != 7) die("wants 7 columns, has " NF)
	if ($4 !~ /^[CN#ZAFBDKX68]$/) die("type must be one of CN#ZAFBDKX68")
	if ($5 !~ /^[0-9]+$/) die("max must be a number")
	if ($6 !~ /^[YEO]$/) die("need must be Y, E or O")
	if ($1 != group) {
		if (group != "") print "};"
		if ($1 in seen) die("group is in two places")
		group = $1; seen[group] = 1; order[++n_groups] = group
		printf "\nstatic const struct bdl_row rows_%s[] = {\n", group
	}
	printf "\t{ \"%s\", \"%s\", '%s', %d, '%s' },\n", $2, $3, $4, $5, $6
	count[group]++
}
END {
	if (failed) exit 1
	print "};\n\nconst struct bdl_group bdl_groups[] = {"
	for (i = 1; i <= n_groups; i++)
		printf "\t{ \"%s\", rows_%s, %d },\n", order[i], order[i], count[order[i]]
	print "\t{ NULL, NULL, 0 } /* end */\n};"
}
