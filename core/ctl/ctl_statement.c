/* core/ctl/ctl_statement.c - `yitong statement`: lines of banks' statements that tell of no payment known here, and
 * rows of insurers' lists of a day that tell of no claim.
 *
 * The index lists the statements that have any, the keeper has counted them (keeper_notice.c).  What the lines say is
 * read from the statement itself, with the listener's plugin and the gateway's keys; who is on the other side is not
 * shown (P9). A line without a number may be of a payment of the same sum to the same account within two days: that is
 * proposed, and no proof (bank.md 3.5). */
#include "ctl/desk.h"

#include <getopt.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sha256.h"
#include "ctl/ctl_case.h"
#include "engine/day_list.h"
#include "journal/keeper.h"
#include "yitong/payout.h"

#define DEFAULT_LIMIT 20
#define TWINS_MAX 16 /* payments of the same sum to the same account that are looked at */
#define NEAR_MS (2 * 86400000LL)

struct telling {
	struct desk desk;
	struct index *index;
	struct ctl_journal journal;
	EVP_MAC_CTX *mac; /* NULL: no key for it here, nothing is proposed */
	struct exchange *statement;
	uint32_t limit, n;
	struct ctl_table table;
	unsigned n_lines, n_strays; /* of the one that is told just now */
	int error;                  /* of the index; 0: none */
	bool is_json, is_sealed, wants_all;
};

/* -- finding -------------------------------------------------------------------------------------------- */

static int on_statement(void *arg, const struct exchange *x)
{
	struct telling *t = arg;

	if (x->op == YT_OP_STATEMENT_NOTICE && t->n < t->limit)
		t->statement[t->n++] = *x;
	return 0;
}

/* A page of an insurer's list as it was before: asked for again it said more, and the newest comes first. */
static bool is_older_page(const struct telling *t, const struct exchange *x)
{
	const char *digest = strcmp(x->wire_op, day_list_codec.ops[0].wire) == 0 ? strrchr(x->number, '-') : NULL;
	size_t n = digest == NULL ? 0 : (size_t)(digest - x->number) + 1;

	for (uint32_t i = 0; n > 0 && i < t->n; i++)
		if (strcmp(t->statement[i].institution, x->institution) == 0 &&
		        strncmp(t->statement[i].number, x->number, n) == 0)
			return true;
	return false;
}

enum { ENOUGH = 1 };

static int on_stray(void *arg, const struct exchange *x)
{
	struct telling *t = arg;

	if (!is_older_page(t, x))
		(void)on_statement(t, x);
	return t->n == t->limit ? ENOUGH : 0;
}

static int find(struct telling *t, struct yt_str number)
{
	struct index_filter filter = { .number = number, .limit = t->limit };
	int rv;

	t->statement = calloc(t->limit, sizeof(*t->statement));
	YT_REQUIRE(t->statement != NULL);
	rv = number.n > 0 ? index_search(t->index, &filter, on_statement, t)
	                  : index_strays(t->index, UINT32_MAX, on_stray, t);
	if (rv != 0 && rv != ENOUGH)
		return ctl_fail(
		        CTL_CANNOT, "the index cannot be read (%s): `yitong index rebuild`", _(yt_strerror(rv)));
	if (t->n > 0)
		return CTL_OK;
	return ctl_fail(CTL_FOUND, number.n > 0 ? N_("no statement has that number")
	                                        : N_("every line of every statement tells of a payment known here"));
}

/* The statement as its listener reads it; NULL: its octets are not to be had, or nothing reads them. */
static struct yt_node *read_statement(struct telling *t, const struct exchange *x)
{
	struct ctl_records read = { 0 };
	struct yt_fault fault = { { 0 }, { 0 } };
	struct yt_msg *msg = yt_msg_new(t->desk.arena);
	struct yt_str octets = { 0 }, rest;
	const struct desk_codec *codec;
	struct rec rec;
	size_t used;

	YT_REQUIRE(msg != NULL);
	if (x->accepted_pos != 0 && ctl_records(&t->journal, x->id, &x->accepted_pos, 1, &read) == 0) {
		rest = yt_buf_view(&read.records);
		for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
			if (rec.type == REC_ACCEPTED)
				octets = rec_get(&rec, REC_T_REQUEST);
	}
	octets = yt_arena_copy(t->desk.arena, octets);
	yt_buf_free(&read.records);
	t->is_sealed = t->is_sealed || octets.n == 0;
	codec = octets.n == 0 ? NULL : desk_codec(&t->desk, x->listener);
	if (codec == NULL)
		return NULL;
	if (day_list_is_of(codec->api)) /* as it is kept, not as its party says it */
		return day_list_codec.decode_request(NULL, octets, msg, &fault) == 0 ? msg->body : NULL;
	return codec->api->decode_request(codec->plugin, octets, msg, &fault) == 0 ? msg->body : NULL;
}

/* -- what a line is --------------------------------------------------------------------------------------- */

struct line {
	const struct yt_node *row, *entry; /* a detail and its entry, or both the entry */
	struct yt_str number, booked, serial;
	int64_t fen;
	char perhaps[24]; /* the payout it is proposed for */
	const char *what; /* in English */
	bool is_stray;
};

/* Where orders of that payee, sum and type stand. */
static bool twin_key(const struct telling *t, const struct line *l, struct yt_str type, char key[FACTS_KEY_MAX])
{
	struct yt_str account = yt_node_text(l->row, "opp_acct"), text;
	uint8_t mac[SHA256_LEN];

	text = facts_pay_text(t->desk.arena, account, l->fen, type);
	if (t->mac == NULL || account.n == 0 || l->fen < 0 || text.p == NULL)
		return false;
	yt_hmac_sha256(t->mac, text, mac);
	return facts_pay_key(mac, key);
}

static bool is_near(const struct line *l, int64_t wall_ms)
{
	int64_t booked_ms;

	return yt_time_parse(l->booked, &booked_ms) == 0 && wall_ms - booked_ms < NEAR_MS + 86400000 &&
	       booked_ms - wall_ms < NEAR_MS;
}

/* Only where a single payment fits. */
static void propose(struct telling *t, struct line *l)
{
	static const char types[] = "CLMAHSIN";
	struct fact_place place[TWINS_MAX];
	char key[FACTS_KEY_MAX];
	unsigned n_fit = 0;
	struct exchange x;
	size_t n;

	for (size_t i = 0; i + 1 < sizeof(types); i += 2) {
		if (!twin_key(t, l, (struct yt_str){ types + i, 2 }, key) ||
		        index_facts(t->index, yt_str(key), place, TWINS_MAX, &n) != 0)
			continue;
		for (size_t k = 0; k < n; k++)
			if (is_near(l, place[k].wall_ms) && index_get(t->index, place[k].exchange, &x) == 0 &&
			        x.pay_no[0] != '\0' && !x.has_line && strcmp(x.pay_no, l->perhaps) != 0) {
				memcpy(l->perhaps, x.pay_no, sizeof(l->perhaps));
				n_fit++;
			}
	}
	if (n_fit != 1)
		l->perhaps[0] = '\0';
}

/* As the keeper has it (may_tell in journal/keeper_notice.c): a bank says nothing of what another one pays. */
static bool is_its_own(const struct telling *t, const struct exchange *statement, const struct exchange *x)
{
	return statement->party[0] != '\0' && (strcmp(statement->party, x->party) == 0 ||
	                                              conf_flow_asks(t->desk.ctl->conf, x->flow, statement->party));
}

static struct yt_str harmless(const char *name, struct yt_str value)
{
	return ctl_is_harmless(yt_str(name), value) ? value : (struct yt_str){ 0 };
}

static struct yt_str of_row(const struct line *l, const char *name)
{
	struct yt_str text = yt_node_text(l->row, name);

	return text.n > 0 ? text : yt_node_text(l->entry, name);
}

/* What goes by that name in the index. */
static int find_named(struct telling *t, const char *name, struct exchange *x)
{
	return *name == '\0' ? YT_ENOTFOUND
	                     : index_find_follow_up(t->index, yt_arena_printf(t->desk.arena, "+/%s", name), x);
}

/* Without our number: by its UETR, our message's number, or its bank's for the debit and the sum (take_unnamed in
 * journal/keeper_notice.c).  0: that payment has its line. */
static int find_unnamed(struct telling *t, const struct exchange *statement, struct line *l, struct exchange *x)
{
	bool is_credit = yt_str_is(yt_node_text(l->entry, "dc_flag"), "C");
	struct yt_str uetr = harmless("uetr", yt_node_text(l->row, "uetr"));
	struct yt_str msg = yt_node_text(l->row, "orig_msg_no"); /* it is not shown */
	char key[EXCHANGE_SERIAL_KEY];
	int rv = find_named(t, uetr.n > 0 ? yt_arena_printf(t->desk.arena, "%.*s", YT_FMT(uetr)).p : "", x);

	exchange_serial_key(is_credit ? harmless("bank_serial", of_row(l, "orig_bank_serial"))
	                              : harmless("bank_serial", yt_node_text(l->row, "bank_serial")),
	        l->fen, key);
	if (rv == YT_ENOTFOUND && l->row == l->entry && yt_node_get(l->row, "detail") == NULL)
		rv = find_named(t, yt_arena_printf(t->desk.arena, "%.*s", YT_FMT(msg)).p, x);
	if (rv == YT_ENOTFOUND)
		rv = find_named(t, key, x);
	if (rv != 0 || !is_its_own(t, statement, x) || (!is_credit && !x->has_line))
		return rv == 0 ? YT_ENOTFOUND : rv;
	l->number = yt_arena_copy(t->desk.arena, yt_str(x->pay_no));
	return 0;
}

/* Whose line it is, as engine and keeper decided when it came. */
static void judge(struct telling *t, const struct exchange *statement, struct line *l)
{
	struct exchange x;
	int rv = YT_ENOTFOUND;

	l->is_stray = true;
	if (l->number.n == 0)
		rv = find_unnamed(t, statement, l, &x);
	else
		rv = index_find_follow_up(t->index, yt_arena_printf(t->desk.arena, "+/%.*s", YT_FMT(l->number)), &x);
	if (l->number.n == 0 && rv == YT_ENOTFOUND) {
		propose(t, l);
		l->what = N_("it names no payment");
	} else if (rv == YT_ENOTFOUND) {
		l->what = N_("no payment here has that number");
	} else if (rv != 0) {
		t->error = rv;
		l->what = N_("not known now: the index cannot be read");
	} else if (!is_its_own(t, statement, &x)) {
		l->what = N_("a payment known here, which another party pays than the one that tells");
	} else {
		l->is_stray = false;
		l->what = x.has_line && (x.pay_fen == 0 || l->fen == x.pay_fen)
		                  ? N_("a payment known here")
		                  : N_("a payment known here: see its case");
	}
}

/* -- telling ---------------------------------------------------------------------------------------------- */

static void put_row(struct telling *t, const struct line *l)
{
	bool is_out = yt_str_is(yt_node_text(l->entry, "dc_flag"), "D");
	char yuan[24] = "-";

	if (l->fen >= 0)
		ctl_yuan(l->fen, yuan);
	ctl_table_cell(&t->table, CTL_PLAIN, "%.*s", YT_FMT(l->booked));
	ctl_table_cell(&t->table, CTL_PLAIN, "%s", is_out ? _("out") : _("in"));
	ctl_table_cell(&t->table, CTL_PLAIN, "%s", yuan);
	ctl_table_cell(&t->table, CTL_PLAIN, "%.*s", YT_FMT(l->serial));
	ctl_table_cell(&t->table, CTL_PLAIN, "%.*s", YT_FMT(l->number));
	if (l->perhaps[0] != '\0')
		ctl_table_cell(&t->table, CTL_YELLOW,
		        _("%s; perhaps %s: the same account and sum within two days, which is no proof"), _(l->what),
		        l->perhaps);
	else
		ctl_table_cell(&t->table, l->is_stray && l->number.n > 0 ? CTL_RED : CTL_PLAIN, "%s", _(l->what));
}

static void put_json(const struct exchange *x, const struct line *l)
{
	struct yt_buf out = { 0 };

	yt_buf_byte(&out, '{');
	ctl_json_member(&out, "statement", yt_str(x->number));
	ctl_json_number(&out, "told_ms", x->accepted_ms);
	ctl_json_member(&out, "institution", yt_str(x->institution));
	ctl_json_member(&out, "book_date", l->booked);
	ctl_json_member(&out, "dc_flag", yt_node_text(l->entry, "dc_flag"));
	ctl_json_number(&out, "amount_fen", l->fen);
	ctl_json_member(&out, "bank_serial", l->serial);
	ctl_json_member(&out, "pay_no", l->number);
	ctl_json_member(&out, "what", yt_str(l->what));
	ctl_json_member(&out, "perhaps", yt_str(l->perhaps));
	yt_buf_text(&out, "}\n");
	ctl_print_buf(&out, stdout);
}

static void tell_line(
        struct telling *t, const struct exchange *x, const struct yt_node *row, const struct yt_node *entry)
{
	struct line l = { .row = row, .entry = entry };

	l.number = harmless("pay_no", yt_node_text(row, "pay_no"));
	l.booked = of_row(&l, "book_date");
	l.serial = harmless("bank_serial", of_row(&l, "bank_serial"));
	if (yt_node_fen(row, "entry_amt", &l.fen) != 0)
		l.fen = -1;
	judge(t, x, &l);
	t->n_lines++;
	t->n_strays += l.is_stray;
	if (!l.is_stray && !t->wants_all)
		return;
	if (t->is_json)
		put_json(x, &l);
	else
		put_row(t, &l);
}

static void tell_entries(struct telling *t, const struct exchange *x, const struct yt_node *entries)
{
	for (const struct yt_node *e = entries == NULL ? NULL : entries->child; e != NULL; e = e->next) {
		const struct yt_node *details = yt_node_get(e, "detail");

		if (yt_pay_entry_state(e) == YT_PAY_STATES)
			continue; /* not booked */
		if (details == NULL || yt_node_text(e, "pay_no").n > 0)
			tell_line(t, x, e, e);
		for (const struct yt_node *d = details == NULL ? NULL : details->child; d != NULL; d = d->next)
			tell_line(t, x, d, e);
	}
}

/* -- claims ----------------------------------------------------------------------------------------------- */

/* A row of an insurer's list: state, and what became of it, as the keeper decided (keeper_list.c). */
struct listed {
	struct yt_str day, state, settlement, claim_no;
	int64_t fen;
	const char *what;
	bool is_stray;
};

static void judge_claim(struct telling *t, const struct exchange *list, struct listed *l)
{
	struct exchange x;
	int rv = index_find_follow_up(t->index, yt_arena_printf(t->desk.arena, "+/%.*s", YT_FMT(l->settlement)), &x);

	l->is_stray = true;
	if (rv == YT_ENOTFOUND) {
		l->what = N_("no claim here is of that settlement");
	} else if (rv != 0) {
		t->error = rv;
		l->what = N_("not known now: the index cannot be read");
	} else if (!is_its_own(t, list, &x)) {
		l->what = N_("a claim known here, which another insurer decides than the one that tells");
	} else {
		l->is_stray = false;
		l->what = N_("a claim known here: see its case");
	}
}

static void put_claim(struct telling *t, const struct listed *l)
{
	const char *word = case_word(YT_STR("claim_state"), l->state);
	char yuan[24] = "-";

	if (l->fen >= 0)
		ctl_yuan(l->fen, yuan);
	ctl_table_cell(&t->table, CTL_PLAIN, "%.*s", YT_FMT(l->day));
	if (word != NULL)
		ctl_table_cell(&t->table, CTL_PLAIN, "%s", word);
	else
		ctl_table_cell(&t->table, CTL_PLAIN, "%.*s", YT_FMT(l->state));
	ctl_table_cell(&t->table, CTL_PLAIN, "%s", yuan);
	ctl_table_cell(&t->table, CTL_PLAIN, "%.*s", YT_FMT(l->claim_no));
	ctl_table_cell(&t->table, CTL_PLAIN, "%.*s", YT_FMT(l->settlement));
	ctl_table_cell(&t->table, l->is_stray ? CTL_RED : CTL_PLAIN, "%s", _(l->what));
}

static void put_claim_json(const struct exchange *x, const struct listed *l)
{
	struct yt_buf out = { 0 };

	yt_buf_byte(&out, '{');
	ctl_json_member(&out, "statement", yt_str(x->number));
	ctl_json_number(&out, "told_ms", x->accepted_ms);
	ctl_json_member(&out, "institution", yt_str(x->institution));
	ctl_json_member(&out, "stmt_date", l->day);
	ctl_json_member(&out, "claim_state", l->state);
	ctl_json_number(&out, "amount_fen", l->fen);
	ctl_json_member(&out, "claim_no", l->claim_no);
	ctl_json_member(&out, "settlement", l->settlement);
	ctl_json_member(&out, "what", yt_str(l->what));
	yt_buf_text(&out, "}\n");
	ctl_print_buf(&out, stdout);
}

static void tell_claims(struct telling *t, const struct exchange *x, const struct yt_node *body)
{
	const struct yt_node *claims = yt_node_get(body, "claims");

	for (const struct yt_node *row = claims->child; row != NULL; row = row->next) {
		struct listed l = { .day = yt_node_text(yt_node_get(body, "data"), "stmt_date"),
			.state = harmless("claim_state", yt_node_text(row, "claim_state")),
			.settlement = harmless("setl_id", yt_node_text(row, "setl_id")),
			.claim_no = harmless("claim_no", yt_node_text(row, "claim_no")) };

		if (yt_node_fen(row, "payable_amt", &l.fen) != 0)
			l.fen = -1;
		judge_claim(t, x, &l);
		t->n_lines++;
		t->n_strays += l.is_stray;
		if (!l.is_stray && !t->wants_all)
			continue;
		if (t->is_json)
			put_claim_json(x, &l);
		else
			put_claim(t, &l);
	}
}

/* -- one of them ------------------------------------------------------------------------------------------ */

/* What is wrong with it as a whole. */
static const struct {
	unsigned flag;
	const char *what;
} alarms[] = {
	{ REC_X_GAP, N_("by its bank's count a statement before it has not come: ask the bank for it") },
	{ REC_X_BALANCE, N_("it opens with another balance than the one before closes with: ask the bank") },
	{ REC_X_UNEVEN, N_("its balances and its lines do not add up: ask the bank") },
};

static void put_json_alarm(const struct exchange *x, const char *alarm)
{
	struct yt_buf out = { 0 };

	yt_buf_byte(&out, '{');
	ctl_json_member(&out, "statement", yt_str(x->number));
	ctl_json_number(&out, "told_ms", x->accepted_ms);
	ctl_json_member(&out, "institution", yt_str(x->institution));
	ctl_json_member(&out, "what", yt_str(alarm));
	yt_buf_text(&out, "}\n");
	ctl_print_buf(&out, stdout);
}

static void tell_alarms(const struct telling *t, const struct exchange *x)
{
	for (size_t i = 0; i < sizeof(alarms) / sizeof(alarms[0]); i++) {
		if ((x->flags & alarms[i].flag) == 0)
			continue;
		if (t->is_json)
			put_json_alarm(x, alarms[i].what);
		else
			printf("%s\n", _(alarms[i].what));
	}
}

static void tell_one(struct telling *t, const struct exchange *x)
{
	static const char *const headings[2][6] = { { "BOOKED", "WAY", "YUAN", "BANK SERIAL", "PAYMENT", "WHAT" },
		{ "DAY", "STATE", "YUAN", "CLAIM", "SETTLEMENT", "WHAT" } };
	const struct yt_node *body = read_statement(t, x), *all = yt_node_get(body, "statement");
	bool is_list = yt_node_get(body, "claims") != NULL;
	const char *const *heading = headings[is_list];
	char when[20];

	t->n_lines = t->n_strays = 0;
	if (!t->is_json && body != NULL) {
		ctl_table_begin(&t->table, 6, 1u << 2);
		for (size_t i = 0; i < 6; i++)
			ctl_table_cell(&t->table, CTL_PLAIN, "%s", _(heading[i]));
	}
	if (is_list)
		tell_claims(t, x, body);
	for (const struct yt_node *one = all == NULL ? NULL : all->child; one != NULL; one = one->next)
		tell_entries(t, x, yt_node_get(one, "entry"));
	if (t->is_json) {
		tell_alarms(t, x);
		return;
	}
	yt_time_print(x->accepted_ms, when);
	if (body == NULL) {
		printf(_("statement %s, told by %s at %s: %u lines of nothing known here\n\n"), x->number,
		        x->institution, when, (unsigned)x->strays);
		tell_alarms(t, x);
		return;
	}
	printf(is_list ? _("list %s, told by %s at %s: %u claims, %u of none known here\n")
	               : _("statement %s, told by %s at %s: %u lines, %u of no payment known here\n"),
	        x->number, x->institution, when, t->n_lines, t->n_strays);
	tell_alarms(t, x);
	ctl_table_print(t->desk.ctl, &t->table, stdout);
	printf("\n");
}

/* -- the command ------------------------------------------------------------------------------------------ */

static int tell(struct telling *t, struct yt_str number)
{
	const struct conf *conf;
	struct yt_str key;
	bool has_keys;
	int rv = desk_open(&t->desk, t->desk.ctl, true);

	if (rv != CTL_OK)
		return rv;
	conf = t->desk.ctl->conf;
	has_keys = conf->journal.keys != NULL && access(conf->journal.keys, R_OK | X_OK) == 0;
	rv = ctl_open_index(t->desk.ctl, &t->index);
	if (rv == CTL_OK)
		rv = ctl_open_journal(t->desk.ctl, has_keys, &t->journal);
	if (rv == CTL_OK)
		rv = find(t, number);
	if (rv != CTL_OK)
		return rv;
	if (keys_secret(t->desk.keys, YT_STR("person-key"), &key) == 0)
		t->mac = yt_hmac_sha256_new(key);
	for (uint32_t i = 0; i < t->n; i++)
		tell_one(t, &t->statement[i]);
	if (t->is_sealed && !t->is_json)
		printf(_(
		        "Statements are encrypted and the keys are not here, or their day's key was destroyed: lines are missing.\n"));
	if (t->error != 0)
		return ctl_fail(
		        CTL_CANNOT, "the index cannot be read (%s): `yitong index rebuild`", _(yt_strerror(t->error)));
	return CTL_OK;
}

int ctl_statement(struct ctl *ctl, int argc, char **argv)
{
	struct telling t = { .desk.ctl = ctl, .limit = DEFAULT_LIMIT };
	const char *limit = NULL;
	const struct ctl_option own[] = { { "limit", .text = &limit }, { NULL } };
	int rv = ctl_options(ctl, "statement", argc, argv, own, &t.is_json);

	if (rv != CTL_GO_ON)
		return rv;
	if (limit != NULL && !ctl_number(limit, 1000, &t.limit))
		return ctl_usage("statement", "--limit must be 1 to 1000");
	if (optind + 1 < argc)
		return ctl_usage("statement", "one statement's number at most");
	t.wants_all = optind < argc;
	rv = tell(&t, yt_str(optind < argc ? argv[optind] : NULL));
	index_close(t.index);
	ctl_close_journal(&t.journal);
	EVP_MAC_CTX_free(t.mac);
	desk_close(&t.desk);
	free(t.statement);
	return rv;
}
