/* tests/leaves.h - what was said and what arrived, leaf by leaf, for the tests of translation.h.
 *
 * What does not arrive stands in the test's list of losses; assert_losses_are_told() holds that list against what was
 * really lost and against the plugin's README. */
#ifndef LEAVES_H
#define LEAVES_H

#include "crossprovince_peer.h"

/* -- what is known to be lost ------------------------------------------------------------------- */

struct loss {
	const char *wire, *names, *why; /* names: separated by a space */
	uint64_t met;                   /* bit n: the nth of them was */
};

static struct loss *losses;
static size_t n_losses;
static unsigned n_wrong;

static inline bool is_known_loss(const char *wire, struct yt_str name)
{
	for (size_t i = 0; i < n_losses; i++) {
		uint64_t bit = 1;

		if (strcmp(losses[i].wire, wire) != 0)
			continue;
		for (const char *at = losses[i].names; *at != '\0'; at += strspn(at, " "), bit <<= 1) {
			size_t n = strcspn(at, " ");

			if (yt_str_eq(name, (struct yt_str){ at, n })) {
				losses[i].met |= bit;
				return true;
			}
			at += n;
		}
	}
	return false;
}

/* A line of the README names each loss: | wire, wire | `name`, `name` | why | */
static inline bool is_told(const char *readme, const char *wire, const char *name, size_t n)
{
	char cell[64], number[16];

	snprintf(cell, sizeof(cell), "`%.*s`", (int)n, name);
	snprintf(number, sizeof(number), "%.4s", wire);
	for (const char *line = readme; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t all = strcspn(line, "\n"), first = line[0] == '|' ? 1 + strcspn(line + 1, "|") : 0;

		if (first > 0 && first < all &&
		        (memmem(line, first, number, strlen(number)) != NULL || strncmp(line, "| all |", 7) == 0) &&
		        memmem(line + first, all - first, cell, strlen(cell)) != NULL)
			return true;
	}
	return false;
}

static inline void assert_losses_are_told(void)
{
	static char readme[65536];
	FILE *f = fopen(YT_SOURCE_DIR "/plugins/crossprovince/README.md", "r");

	assert_non_null(f);
	readme[fread(readme, 1, sizeof(readme) - 1, f)] = '\0';
	fclose(f);
	for (size_t i = 0; i < n_losses; i++) {
		uint64_t bit = 1;

		for (const char *at = losses[i].names; *at != '\0'; at += strspn(at, " "), bit <<= 1) {
			size_t n = strcspn(at, " ");

			if ((losses[i].met & bit) == 0)
				fail_msg("%s %.*s is never lost: strike it from the list", losses[i].wire, (int)n, at);
			if (!is_told(readme, losses[i].wire, at, n))
				fail_msg("the README does not say that %s loses %.*s", losses[i].wire, (int)n, at);
			at += n;
		}
	}
}

/* -- leaves ------------------------------------------------------------------------------------- */

/* One thing that two national messages name differently: the other province reads the in-patient's name. */
static const char *const renamed[][2] = {
	{ "ipt_otp_no", "ipt_no" },
	{ "dr_name", "chfpdr_name" },
	{ "dept_code", "adm_dept_codg" },
	{ "diag_code", "dscg_maindiag_code" },
	{ "diag_name", "adm_diag_dscr" },
	{ "dise_name", "adm_diag_dscr" }, /* what a pharmacy's customer buys for */
	{ "diag_code", "diag_code2" },
	{ "diag_code", "diag_code3" },
	{ "chrg_bchno", "invono" }, /* the bill's number, whichever it is */
	{ "psn_no", "psn_no" },     /* in each row here, once there */
	{ "dscgTime", "endtime" },  /* of a settlement; the discharge may have been another day */
	{ "setl_id", "aaz216" },
	{ "mdtrt_cert_no", "certno" },
};

/* The nth leaf of that name that says something, wherever it stands; NULL: there are not so many. */
static inline const struct yt_node *leaf(const struct yt_node *tree, struct yt_str name, unsigned *nth)
{
	if (tree == NULL)
		return NULL;
	if (tree->kind != YT_OBJECT && tree->kind != YT_ARRAY)
		return tree->text.n > 0 && yt_str_eq(tree->name, name) && (*nth)-- == 0 ? tree : NULL;
	for (const struct yt_node *node = tree->child; node != NULL; node = node->next) {
		const struct yt_node *found = leaf(node, name, nth);

		if (found != NULL)
			return found;
	}
	return NULL;
}

static inline bool is_same(const struct yt_node *a, const struct yt_node *b)
{
	char left[64], right[64];

	if (b == NULL)
		return false;
	if (yt_str_eq(a->text, b->text))
		return true;
	if (a->kind != YT_NUMBER && b->kind != YT_NUMBER)
		return false;
	snprintf(left, sizeof(left), "%.*s", YT_FMT(a->text));
	snprintf(right, sizeof(right), "%.*s", YT_FMT(b->text));
	return strtold(left, NULL) == strtold(right, NULL);
}

/* How often a leaf's name has been seen in the tree up to it. */
struct seen {
	struct yt_str name[256];
	unsigned n[256];
	size_t n_names;
};

static inline unsigned next_of(struct seen *seen, struct yt_str name)
{
	size_t i = 0;

	while (i < seen->n_names && !yt_str_eq(seen->name[i], name))
		i++;
	if (i == seen->n_names) {
		assert_true(++seen->n_names < COUNT(seen->name));
		seen->name[i] = name;
	}
	return seen->n[i]++;
}

static inline bool arrives_as(const struct yt_node *sent, const struct yt_node *arrived, const char *as, unsigned nth)
{
	return is_same(sent, leaf(arrived, yt_str(as), &nth));
}

static inline bool arrives_renamed(const struct yt_node *sent, const struct yt_node *arrived, unsigned nth)
{
	for (size_t i = 0; i < COUNT(renamed); i++)
		if (yt_str_is(sent->name, renamed[i][0]) &&
		        (arrives_as(sent, arrived, renamed[i][1], nth) || arrives_as(sent, arrived, renamed[i][1], 0)))
			return true;
	return false;
}

static inline void compare(
        const char *wire, struct seen *seen, const struct yt_node *sent, const struct yt_node *arrived)
{
	const struct yt_node *other;
	unsigned nth, at;

	if (sent->kind == YT_OBJECT || sent->kind == YT_ARRAY) {
		for (const struct yt_node *node = sent->child; node != NULL; node = node->next)
			compare(wire, seen, node, arrived);
		return;
	}
	if (sent->kind == YT_NULL || sent->text.n == 0)
		return; /* says nothing */
	at = nth = next_of(seen, sent->name);
	other = leaf(arrived, sent->name, &at);
	if (is_same(sent, other) || arrives_renamed(sent, arrived, nth) || is_known_loss(wire, sent->name))
		return;
	print_error("%s %.*s: \"%.*s\" arrives as \"%.*s\"\n", wire, YT_FMT(sent->name), YT_FMT(sent->text),
	        other != NULL ? (int)other->text.n : 1, other != NULL ? other->text.p : "-");
	n_wrong++;
}

static inline void assert_arrives(const char *wire, const struct yt_node *sent, const struct yt_node *arrived)
{
	struct seen seen = { .n_names = 0 };

	compare(wire, &seen, sent, arrived);
}

#endif
