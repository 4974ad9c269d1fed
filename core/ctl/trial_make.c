/* core/ctl/trial_make.c - messages of every operation of a format, made by listening to the format.
 *
 * Nobody here knows a plugin's tables.  A message begins with what every message has; the plugin writes it, reads it
 * back and says what is missing or wrong and where ("input.data.psn_no is missing"); that member gets a value, and if
 * the same member is complained of again the next value.  So the refusals of a plugin are tried too: one that names no
 * path cannot be helped. */
#include "ctl/trial.h"

#include <stdlib.h>
#include <string.h>

#define TURNS_MAX 400
#define SEEN_MAX 256

static const struct guess {
	enum yt_kind kind;
	const char *text;
} guesses[] = {
	{ YT_TEXT, "1" },
	{ YT_TEXT, "2026-03-14 09:28:05" },
	{ YT_TEXT, "2026-03-14" },
	{ YT_NUMBER, "1.00" },
	{ YT_NUMBER, "1" },
	{ YT_NUMBER, "0.00" },
	{ YT_OBJECT, "" },
	{ YT_ARRAY, "" },
	{ YT_TEXT, "11" },
	{ YT_TEXT, "01" },
	{ YT_TEXT, "310" },
	{ YT_TEXT, "330213" },
	{ YT_TEXT, "330213197906152731" },
	{ YT_TEXT, "20260314092805" },
	{ YT_TEXT, "20260314" },
	{ YT_TEXT, "21" },
	{ YT_TEXT, "6217000000000000001" },
	{ YT_TEXT, "330000202603140928050000000001" },
	{ YT_TEXT, "A" },
	{ YT_TEXT, "0304" },
	{ YT_TEXT, "ADD" },
	{ YT_TEXT, "S3100002026031400001" },
	{ YT_TEXT, "A3100002026031400001" },
	{ YT_TEXT, "99179430f2638a46e445b264fc4038e42cc7398783c54e88b11d3a13b9cebcfc" },
	{ YT_TEXT, "Y" },
	{ YT_TEXT, "0" },
	{ YT_TEXT, "CL20260314000000000001" }, /* banks: a payout, a line number, accounts, codes */
	{ YT_TEXT, "102332099018" },
	{ YT_TEXT, "6299993302000001017" },
	{ YT_TEXT, "CL" },
	{ YT_TEXT, "000001" },
	{ YT_TEXT, "PM20260314000000000100" },
	{ YT_TEXT, "1111" },
	{ YT_TEXT, "PAID" },
	{ YT_TEXT, "pdf" },
};

#define N_GUESSES (sizeof(guesses) / sizeof(guesses[0]))
#define ZERO_GUESS 5 /* of guesses, 0.00 */

struct making {
	struct trial *t;
	struct yt_msg *msg;
	struct {
		char path[160];
		unsigned tried;
	} seen[SEEN_MAX];
	size_t n_seen;
};

/* -- setting a member by its path ---------------------------------------------------------------- */

/* "feedetail[3]" gives the name and the row; "data" row 0 without brackets. */
static struct yt_str take_segment(const char **path, bool *is_row, unsigned *row)
{
	struct yt_str name = { *path, strcspn(*path, ".[") };

	*path += name.n;
	*is_row = **path == '[';
	*row = 0;
	if (*is_row) {
		*row = (unsigned)strtoul(*path + 1, NULL, 10);
		*path += strcspn(*path, "]");
		*path += **path == ']';
	}
	*path += **path == '.';
	return name;
}

static struct yt_node *member(struct yt_node *object, struct yt_str name)
{
	for (struct yt_node *c = object->child; c != NULL; c = c->next)
		if (yt_str_eq(c->name, name))
			return c;
	return NULL;
}

static void become(struct yt_node *node, enum yt_kind kind, struct yt_str text)
{
	node->kind = (uint8_t)kind;
	node->text = text;
	node->child = node->last = NULL;
	node->n = 0;
}

/* The row of an array, made with those before it. */
static struct yt_node *row_of(struct yt_arena *arena, struct yt_node *array, unsigned row)
{
	struct yt_node *r;

	if (array->kind != YT_ARRAY)
		become(array, YT_ARRAY, (struct yt_str){ 0 });
	while (array->n <= row && array->n < 100)
		if (yt_node_add(arena, array, (struct yt_str){ 0 }, YT_OBJECT) == NULL)
			return NULL;
	for (r = array->child; r != NULL && row > 0; row--)
		r = r->next;
	return r;
}

static bool set_path(struct making *m, const char *path, const struct guess *guess)
{
	struct yt_arena *arena = m->t->own;
	struct yt_node *at = m->msg->body, *next;
	struct yt_str name;
	unsigned row;
	bool is_row;

	for (;;) {
		name = take_segment(&path, &is_row, &row);
		if (name.n == 0)
			return false;
		name = yt_arena_copy(arena, name);
		next = member(at, name);
		if (next == NULL)
			next = yt_node_add(arena, at, name, YT_OBJECT);
		if (next != NULL && is_row)
			next = row_of(arena, next, row);
		if (next == NULL)
			return false;
		if (*path == '\0')
			break;
		if (next->kind == YT_ARRAY)
			next = row_of(arena, next, 0);
		if (next != NULL && next->kind != YT_OBJECT)
			become(next, YT_OBJECT, (struct yt_str){ 0 });
		if (next == NULL)
			return false;
		at = next;
	}
	become(next, guess->kind, yt_str(guess->text));
	if (guess->kind == YT_ARRAY)
		return yt_node_add(arena, next, (struct yt_str){ 0 }, YT_OBJECT) != NULL;
	return true;
}

/* Amounts of nothing add up. */
static size_t first_guess(const char *path)
{
	const char *leaf = strrchr(path, '.') != NULL ? strrchr(path, '.') + 1 : path;
	bool is_amount = strstr(leaf, "amt") != NULL || strstr(leaf, "pay") != NULL || strcmp(leaf, "pric") == 0;

	return is_amount ? ZERO_GUESS : 0;
}

/* The value tried next for that path; NULL when all were. */
static const struct guess *next_guess(struct making *m, const char *path)
{
	size_t i = 0;

	while (i < m->n_seen && strcmp(m->seen[i].path, path) != 0)
		i++;
	if (i == SEEN_MAX)
		return NULL;
	if (i == m->n_seen) {
		snprintf(m->seen[i].path, sizeof(m->seen[i].path), "%s", path);
		m->seen[m->n_seen++].tried = 0;
	}
	if (m->seen[i].tried == N_GUESSES)
		return NULL;
	return &guesses[(first_guess(path) + m->seen[i].tried++) % N_GUESSES];
}

/* Gives the member that was complained of another value. */
static bool mend(struct making *m, const struct yt_fault *fault)
{
	const char *path = fault->path, *leaf;
	const struct guess *guess;

	if (strncmp(path, "input.", 6) == 0)
		path += 6;
	else if (strcmp(path, "input") == 0 || *path == '(' || *path == '\0')
		return false;
	guess = next_guess(m, path);
	if (guess == NULL || !set_path(m, path, guess))
		return false;
	leaf = strrchr(path, '.') != NULL ? strrchr(path, '.') + 1 : path;
	if (guess->kind == YT_TEXT || guess->kind == YT_NUMBER) /* what an earlier message would have brought */
		return yt_node_set_text(m->t->own, (struct yt_node *)m->msg->facts,
		               yt_arena_copy(m->t->own, yt_str(leaf)).p, yt_str(guess->text)) == 0;
	return true;
}

/* -- a message ----------------------------------------------------------------------------------- */

static struct yt_msg *begin(struct trial *t, const struct yt_wire_op *op)
{
	struct yt_msg *msg = yt_msg_new(t->own);
	struct yt_node *facts = yt_node_new(t->own, YT_OBJECT);

	YT_REQUIRE(msg != NULL && facts != NULL);
	msg->op = yt_op(op->op);
	msg->wire_op = yt_str(op->wire);
	msg->number = YT_STR("H33021399901202603140928050001");
	msg->institution = YT_STR("H33021399901");
	msg->institution_name = YT_STR("示例市第一医院");
	msg->operator_id = YT_STR("S0007");
	msg->operator_name = YT_STR("收费员七");
	msg->sign_no = YT_STR("1001");
	msg->treatment_area = YT_STR("330213");
	msg->insured_area = YT_STR("310101");
	msg->time = YT_STR("2026-03-14 09:28:05");
	msg->wall_ms = 1773451685000;
	msg->person = YT_STR("33020000000100000000");
	msg->visit = YT_STR("330213000012345");
	msg->own_visit = YT_STR("MZ0001");
	msg->settlement = YT_STR("3302990000007781");
	msg->original_number = YT_STR("H33021399901202603140928050000");
	msg->body = yt_node_new(t->own, YT_OBJECT);
	msg->facts = facts;
	YT_REQUIRE(msg->body != NULL);
	if (t->api->make_number != NULL)
		(void)t->api->make_number(t->plugin, t->own, msg->wall_ms, 1, &msg->own_number);
	return msg;
}

/* Written, and read back as the other side will. */
static int there_and_back(struct making *m, struct yt_str *octets, struct yt_fault *fault)
{
	struct trial *t = m->t;
	struct yt_buf out = { 0 };
	struct yt_msg *back = yt_msg_new(t->own);
	int rv;

	trial_begin(t, "encode_request", (struct yt_str){ 0 });
	rv = t->api->encode_request(t->plugin, m->msg, &out, fault);
	*octets = yt_arena_copy(t->own, yt_buf_view(&out));
	yt_buf_free(&out);
	if (rv != 0)
		return rv;
	YT_REQUIRE(back != NULL);
	back->sent = *octets; /* ours: it is addressed to another */
	trial_call(t, "decode_request", *octets);
	return t->api->decode_request(t->plugin, *octets, back, fault);
}

struct yt_msg *trial_make(struct trial *t, const struct yt_wire_op *op, struct yt_str *octets, char *why, size_t size)
{
	struct making *m = yt_arena_alloc(t->own, sizeof(*m));
	struct yt_fault fault;
	int rv = YT_EFORMAT;

	YT_REQUIRE(m != NULL);
	m->t = t;
	m->msg = begin(t, op);
	for (unsigned turn = 0; turn < TURNS_MAX; turn++) {
		memset(&fault, 0, sizeof(fault));
		rv = there_and_back(m, octets, &fault);
		if (rv == 0)
			return m->msg;
		if (rv != YT_EFORMAT || !mend(m, &fault))
			break;
	}
	snprintf(why, size, "%.100s: %.150s %.190s (%s)", op->wire, fault.path, _(fault.why), _(yt_strerror(rv)));
	return NULL;
}
