/* plugins/nhsa/blank.c - a message without its secrets, for what the journal keeps.
 *
 * Which values are secrets is in fields.tsv; here they are found in octets, of a request or an answer, and
 * replaced by what the caller makes of them.  All else stays octet for octet.  What travels encrypted has
 * its secrets inside the cipher text. */
#include <stdlib.h>

#include "nhsa.h"

static int by_place(const void *a, const void *b)
{
	const struct yt_node *x = *(struct yt_node *const *)a, *y = *(struct yt_node *const *)b;

	return (x->raw_off > y->raw_off) - (x->raw_off < y->raw_off);
}

static void replace(
        struct yt_str text, struct yt_node *const *secrets, size_t n, yt_blank *put, void *ctx, struct yt_buf *out)
{
	struct yt_buf made = { 0 };
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		yt_buf_str(out, (struct yt_str){ text.p + at, secrets[i]->raw_off - at });
		at = (size_t)secrets[i]->raw_off + secrets[i]->raw_len;
		yt_buf_clear(&made);
		put(ctx, secrets[i]->text, &made);
		yt_json_write_string(yt_buf_view(&made), out);
		out->failed = out->failed || made.failed;
	}
	yt_buf_str(out, (struct yt_str){ text.p + at, text.n - at });
	yt_buf_free(&made);
}

int nhsa_blank(struct yt_plugin *self, struct yt_str wire, bool is_answer, struct yt_arena *arena, struct yt_str octets,
        yt_blank *put, void *ctx, struct yt_buf *out)
{
	const struct yt_table *table = nhsa_table(wire);
	const struct yt_group *groups = table == NULL ? NULL : is_answer ? table->out : table->in;
	size_t n_groups = table == NULL ? 0 : is_answer ? table->n_out : table->n_in, n = 0;
	struct yt_node *root, *body, **secrets;
	struct yt_str text;
	bool may_have = false;
	int rv;

	for (size_t i = 0; i < n_groups; i++)
		may_have = may_have || groups[i].has_secret;
	if (!may_have)
		return 0;
	rv = nhsa_read_json(arena, octets, &text, &root, &(struct yt_json_error){ 0 });
	if (rv != 0)
		return rv == YT_ENOMEM ? rv : YT_EFORMAT;
	body = yt_node_get(root, is_answer ? "output" : "input");
	if (body != NULL)
		n = yt_table_secrets(groups, n_groups, body, NULL, 0);
	if (n == 0)
		return 0;
	secrets = yt_arena_alloc(arena, n * sizeof(struct yt_node *));
	if (secrets == NULL)
		return YT_ENOMEM;
	yt_table_secrets(groups, n_groups, body, secrets, n);
	qsort(secrets, n, sizeof(struct yt_node *), by_place);
	replace(text, secrets, n, put, ctx, out);
	return out->failed ? YT_ENOMEM : 1;
}
