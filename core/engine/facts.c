/* core/engine/facts.c - see facts.h; called by asking.c before a message is encoded for a party of another format,
 * by leg.c and flow.c when its answer is there.
 *
 * A piece:  { "op": "inpatient.fees", "batch": "...", "set": { name: value }, "lines": [ {...} ], "gone": [ "sn" ] }
 * Names are the national ones; which are kept is a table below, so that no more personal data is stored than a later
 * message asks for. */
#include "engine/facts.h"

#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "journal/exchange.h"
#include "yitong/json.h"

/* -- what is kept ------------------------------------------------------------------------------- */

struct source { /* members of one object of a request or of its answer */
	enum yt_operation op;
	bool is_reply;
	const char *node;
	const char *names; /* separated by a space */
};

#define PERSON "psn_no psn_cert_type certno psn_name gend brdy"
#define ADMITTED "mdtrt_id ykc700 trt_dcla_detl_sn psn_type insutype"
#define PAID "pay_state bank_status bank_code pay_advice bank_serial acct_date return_code"
/* Of a settlement that we are only told of: what else earlier messages of its visit would have brought. */
#define TOLD_STAY                                                                                                      \
	" begntime endtime ipt_no ipt_otp_no dept_name fixmedins_name hosp_lv mdtrtarea_admvs tel policy_no product_code"
/* The funds only for the reversal, which gives them back: no request has them. */
#define SETTLED                                                                                                        \
	"setl_id aaz216 medfee_sumamt fund_pay_sumamt acct_pay psn_cash_pay setl_time ykc706 medins_setl_id "          \
	"hifp_pay cvlserv_pay hifes_pay hifmi_pay hifob_pay hifdm_pay maf_pay oth_pay " PERSON                         \
	" insutype med_type preselfpay_amt overlmt_selfpay fulamt_ownpay_amt inscp_scp_amt act_pay_dedc"

static const struct source sources[] = {
	{ YT_OP_PERSON_CHECK, true, "baseinfo", PERSON },
	{ YT_OP_PERSON_CHECK, true, "insuinfo", "insutype psn_type cvlserv_flag insuplc_admdvs" },
	{ YT_OP_OUTPATIENT_REGISTER, false, "data",
	        "psn_no insutype begntime ipt_otp_no atddr_no dr_name dept_code dept_name" },
	{ YT_OP_OUTPATIENT_REGISTER, true, "data", ADMITTED },
	{ YT_OP_OUTPATIENT_REGISTER, true, "result", ADMITTED },
	{ YT_OP_OUTPATIENT_VISIT, false, "mdtrtinfo", "psn_no med_type begntime dise_codg dise_name" },
	{ YT_OP_OUTPATIENT_VISIT, true, "data", ADMITTED },
	{ YT_OP_OUTPATIENT_VISIT, true, "result", ADMITTED },
	{ YT_OP_INPATIENT_ADMIT, false, "mdtrtinfo",
	        "psn_no insutype begntime med_type ipt_no medrcdno atddr_no chfpdr_name adm_diag_dscr adm_dept_codg "
	        "adm_bed dscg_maindiag_code dscg_maindiag_name dise_codg trum_flag" },
	{ YT_OP_INPATIENT_ADMIT, true, "result", ADMITTED },
	{ YT_OP_INPATIENT_ADMIT, true, "data", ADMITTED },
	{ YT_OP_INPATIENT_CHANGE, false, "adminfo",
	        "begntime med_type ipt_no atddr_no chfpdr_name adm_diag_dscr adm_dept_codg adm_bed dscg_maindiag_code "
	        "dscg_maindiag_name dise_codg" },
	{ YT_OP_INPATIENT_DISCHARGE, false, "dscginfo", "endtime dise_codg dscg_way" },
	{ YT_OP_PHARMACY_PRESETTLE, false, "druginfo", "psn_no insutype begntime med_type dise_codg dise_name" },
	{ YT_OP_PHARMACY_SETTLE, true, "setlinfo", SETTLED },
	{ YT_OP_OUTPATIENT_SETTLE, true, "setlinfo", SETTLED },
	{ YT_OP_INPATIENT_SETTLE, true, "setlinfo", SETTLED },
	{ YT_OP_SETTLE_NOTICE, false, "setlinfo", SETTLED TOLD_STAY },
	{ YT_OP_CONSENT_PUT, false, "consent", "auth_no" }, /* that there is one: steps may hang on it */
	{ YT_OP_ACCOUNT_CHECK, true, "data", "check_result" },
	{ YT_OP_CLAIM_ELIGIBILITY, true, "data", "insured" },
	{ YT_OP_CLAIM_SUBMIT, true, "data", "claim_no claim_state" },
	{ YT_OP_PAY_ORDER, true, "data", PAID },
	{ YT_OP_PAY_QUERY, true, "data", PAID },
	{ YT_OP_CLAIM_QUERY, true, "data", "claim_state payable_amt refuse_code pay_by pay_to" },
};

/* Objects and arrays of the request that are kept as they are, each over the one before it: a claim says them whole. */
static const struct part {
	enum yt_operation op;
	const char *node;
	const char *names;
} parts[] = {
	{ YT_OP_CONSENT_PUT, "consent",
	        "auth_no auth_time scope channel expire_date evidence_sm3 insurer product_code policy_no" },
	{ YT_OP_ACCOUNT_PUT, "payee", "relation name bank_acct_no bank_no bank_name" },
	{ YT_OP_INVOICE_NOTICE, "bill", "elec_bill_code elec_billno_code elec_bill_chkcode bill_date bill_amt" },
	{ YT_OP_SETTLE_NOTICE, "bill", "elec_bill_code elec_billno_code elec_bill_chkcode bill_date bill_amt" },
	{ YT_OP_SETTLE_NOTICE, "diseinfo", "diag_code diag_name maindiag_flag" },
	{ YT_OP_OUTPATIENT_VISIT, "diseinfo", "diag_code diag_name maindiag_flag" },
	{ YT_OP_INPATIENT_DISCHARGE, "diseinfo", "diag_code diag_name maindiag_flag" },
};

static const char *const line_names[] = { "feedetl_sn", "chrg_bchno", "med_list_codg", "medins_list_codg", "cnt",
	"pric", "det_item_fee_sumamt", "fee_ocur_time", "fulamt_ownpay_amt", "overlmt_amt", "preselfpay_amt",
	"inscp_scp_amt", "chrgitm_lv", "med_chrgitm_type", NULL };

/* -- keys --------------------------------------------------------------------------------------- */

static bool make_key(char key[FACTS_KEY_MAX], char kind, struct yt_str institution, struct yt_str number)
{
	if (institution.n == 0 || number.n == 0 || institution.n + number.n + 4 > FACTS_KEY_MAX)
		return false;
	key[0] = kind;
	key[1] = key[2 + institution.n] = '/';
	memcpy(key + 2, institution.p, institution.n);
	memcpy(key + 3 + institution.n, number.p, number.n);
	key[3 + institution.n + number.n] = '\0';
	return true;
}

unsigned facts_keys(const struct yt_msg *msg, const struct yt_reply *reply, const uint8_t person[16],
        char keys[FACTS_KEYS_MAX][FACTS_KEY_MAX])
{
	static const char hex[] = "0123456789abcdef";
	struct yt_str visit = msg->visit.n != 0 || reply == NULL ? msg->visit : reply->visit;
	uint8_t any = 0;
	unsigned n = 0;

	n += make_key(keys[n], 'v', msg->institution, visit);
	if (visit.n == 0)
		n += make_key(keys[n], 'o', msg->institution, msg->own_visit);
	for (unsigned i = 0; i < 16; i++)
		any |= person[i];
	if (any == 0)
		return n;
	memcpy(keys[n], "p/", 2);
	for (unsigned i = 0; i < 16; i++) {
		keys[n][2 + 2 * i] = hex[person[i] >> 4];
		keys[n][3 + 2 * i] = hex[person[i] & 15];
	}
	keys[n][34] = '\0';
	return n + 1;
}

/* -- a piece ------------------------------------------------------------------------------------ */

static bool is_single(const struct yt_node *node)
{
	return (node->kind == YT_TEXT || node->kind == YT_NUMBER) && node->text.n != 0;
}

/* The object of that name, or the first row of an array. */
static const struct yt_node *object(const struct yt_node *body, const char *name)
{
	const struct yt_node *node = yt_node_get(body, name);

	return node != NULL && node->kind == YT_ARRAY ? node->child : node;
}

/* Names of one length mostly differ at their end: it is looked at first. */
static bool is_named(const struct yt_node *node, struct yt_str name)
{
	return node->name.n == name.n && (name.n == 0 || node->name.p[name.n - 1] == name.p[name.n - 1]) &&
	       yt_str_eq(node->name, name);
}

/* name into object, later values over earlier ones; false when out of memory. */
static bool set(struct yt_arena *arena, struct yt_node *to, struct yt_str name, const struct yt_node *value)
{
	struct yt_node *old, *node;

	for (old = to->child; old != NULL && !is_named(old, name); old = old->next)
		;
	node = old != NULL ? old : yt_node_add(arena, to, name, (enum yt_kind)value->kind);
	if (node == NULL)
		return false;
	node->kind = value->kind;
	node->text = value->text;
	return true;
}

/* The values of an object, whose names differ, over those of another. */
static bool lay_values(struct yt_arena *arena, struct yt_node *to, const struct yt_node *from)
{
	const struct yt_node *newest = to->last;

	for (const struct yt_node *c = from->child; c != NULL; c = c->next) {
		struct yt_node *old = newest != NULL ? to->child : NULL;

		while (old != NULL && !is_named(old, c->name))
			old = old != newest ? old->next : NULL;
		if (old == NULL)
			old = yt_node_add(arena, to, c->name, (enum yt_kind)c->kind);
		if (old == NULL)
			return false;
		old->kind = c->kind;
		old->text = c->text;
	}
	return true;
}

static void take_names(struct yt_arena *arena, struct yt_node *to, const struct yt_node *from, const char *names)
{
	for (const char *p = names; from != NULL && *p != '\0';) {
		struct yt_str name = { p, strcspn(p, " ") };

		for (const struct yt_node *c = from->child; c != NULL; c = c->next)
			if (is_named(c, name) && is_single(c) && !set(arena, to, name, c))
				return;
		p += name.n;
		p += *p == ' ';
	}
}

/* An out-patient's diagnoses that hold (有效标志), the main one with its name.  Said again, they are all said again. */
static void take_diagnoses(struct yt_arena *arena, struct yt_node *to, const struct yt_node *rows)
{
	static const char *const codes[] = { "diag_code", "diag_code2", "diag_code3" };
	struct yt_node none = { .kind = YT_TEXT };
	const struct yt_node *value;
	size_t n = 0;

	for (const struct yt_node *row = rows == NULL ? NULL : rows->child; row != NULL && n < 3; row = row->next) {
		value = yt_node_get(row, "diag_code");
		if (value == NULL || !is_single(value) || yt_str_is(yt_node_text(row, "vali_flag"), "0"))
			continue;
		if (n == 0)
			take_names(arena, to, row, "diag_name");
		set(arena, to, yt_str(codes[n++]), value);
	}
	for (; n > 0 && n < 3; n++)
		set(arena, to, yt_str(codes[n]), &none);
}

static void take_part(struct yt_arena *arena, struct yt_node *to, const struct yt_node *from, const char *names)
{
	struct yt_node *row;

	to->kind = from->kind;
	if (from->kind == YT_OBJECT)
		take_names(arena, to, from, names);
	for (const struct yt_node *r = from->kind == YT_ARRAY ? from->child : NULL; r != NULL; r = r->next) {
		if (r->kind != YT_OBJECT || yt_str_is(yt_node_text(r, "vali_flag"), "0"))
			continue;
		row = yt_node_add(arena, to, (struct yt_str){ 0 }, YT_OBJECT);
		if (row != NULL)
			take_names(arena, row, r, names);
	}
}

/* "parts" of a piece; false: none. */
static bool take_parts(struct yt_arena *arena, struct yt_node *piece, const struct yt_msg *msg)
{
	struct yt_node *all = NULL, *one;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const struct yt_node *from = parts[i].op == msg->op->id ? yt_node_get(msg->body, parts[i].node) : NULL;

		if (from == NULL || (from->kind != YT_OBJECT && from->kind != YT_ARRAY))
			continue;
		all = all != NULL ? all : yt_node_add(arena, piece, YT_STR("parts"), YT_OBJECT);
		one = all == NULL ? NULL : yt_node_add(arena, all, yt_str(parts[i].node), YT_OBJECT);
		if (one != NULL)
			take_part(arena, one, from, parts[i].names);
	}
	return all != NULL;
}

static struct yt_node *row_of(const struct yt_node *rows, struct yt_str serial)
{
	for (struct yt_node *row = rows == NULL ? NULL : rows->child; row != NULL; row = row->next)
		if (yt_str_eq(yt_node_text(row, "feedetl_sn"), serial))
			return row;
	return NULL;
}

/* The answer's row for the i-th line: by its number, or by its place where the answer leaves numbers out. */
static const struct yt_node *split_of(const struct yt_reply *reply, struct yt_str serial, uint32_t i)
{
	const struct yt_node *rows = reply == NULL ? NULL : yt_node_get(reply->body, "result");
	const struct yt_node *row;

	if (rows == NULL)
		rows = reply == NULL ? NULL : yt_node_get(reply->body, "detlcutinfo");
	if (rows == NULL || rows->kind != YT_ARRAY)
		return NULL;
	row = row_of(rows, serial);
	if (row != NULL || (rows->child != NULL && yt_node_text(rows->child, "feedetl_sn").n != 0))
		return row;
	for (row = rows->child; row != NULL && i > 0; row = row->next)
		i--;
	return row;
}

static const struct yt_node *rows_of(const struct yt_node *body)
{
	const struct yt_node *rows = yt_node_get(body, "feedetail");

	if (rows == NULL)
		rows = yt_node_get(body, "drugdetail");
	return rows != NULL && rows->kind == YT_ARRAY ? rows : NULL;
}

static void take_lines(
        struct yt_arena *arena, struct yt_node *piece, const struct yt_msg *msg, const struct yt_reply *reply)
{
	const struct yt_node *rows = rows_of(msg->body), *split, *value;
	struct yt_node *lines, *line;
	uint32_t i = 0;

	if (rows == NULL)
		return;
	lines = yt_node_add(arena, piece, YT_STR("lines"), YT_ARRAY);
	for (const struct yt_node *row = rows->child; row != NULL; row = row->next, i++) {
		line = yt_node_add(arena, lines, (struct yt_str){ 0 }, YT_OBJECT);
		split = split_of(reply, yt_node_text(row, "feedetl_sn"), i);
		for (const char *const *name = line_names; line != NULL && *name != NULL; name++) {
			value = yt_node_get(split, *name);
			if (value == NULL || !is_single(value))
				value = yt_node_get(row, *name);
			if (value != NULL && is_single(value))
				set(arena, line, yt_str(*name), value);
		}
	}
}

/* Lines that were cancelled: their numbers, "0000" all (nhsa.md 2205, 2302). */
static void take_gone(struct yt_arena *arena, struct yt_node *piece, const struct yt_msg *msg)
{
	const struct yt_node *data = yt_node_get(msg->body, "data");
	struct yt_node *gone = yt_node_add(arena, piece, YT_STR("gone"), YT_ARRAY);
	struct yt_node *one;

	if (data == NULL || gone == NULL)
		return;
	if (data->kind != YT_ARRAY) {
		one = yt_node_add(arena, gone, (struct yt_str){ 0 }, YT_TEXT);
		if (one != NULL)
			one->text = YT_STR("0000");
		return;
	}
	for (const struct yt_node *row = data->child; row != NULL; row = row->next) {
		one = yt_node_add(arena, gone, (struct yt_str){ 0 }, YT_TEXT);
		if (one != NULL)
			one->text = yt_node_text(row, "feedetl_sn");
	}
}

struct yt_node *facts_piece(struct yt_arena *arena, const struct yt_msg *msg, const struct yt_reply *reply)
{
	struct yt_node *piece = yt_node_new(arena, YT_OBJECT), *values;
	enum yt_operation op = msg->op->id;
	struct yt_str batch = msg->batch;

	if (piece == NULL)
		return NULL;
	yt_node_add_text(arena, piece, "op", yt_str(msg->op->name));
	if (yt_str_is(batch, "0000"))
		batch.n = 0;
	if (batch.n != 0)
		yt_node_add_text(arena, piece, "batch", batch);
	values = yt_node_add(arena, piece, YT_STR("set"), YT_OBJECT);
	if (values == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		const struct source *s = &sources[i];

		if (s->op == op && (!s->is_reply || reply != NULL))
			take_names(arena, values, object(s->is_reply ? reply->body : msg->body, s->node), s->names);
	}
	if (op == YT_OP_OUTPATIENT_VISIT)
		take_diagnoses(arena, values, yt_node_get(msg->body, "diseinfo"));
	if (op == YT_OP_SETTLE_NOTICE)
		take_lines(arena, piece, msg, reply);
	if (op == YT_OP_OUTPATIENT_FEES || op == YT_OP_INPATIENT_FEES ||
	        (op == YT_OP_PHARMACY_PRESETTLE && reply != NULL))
		take_lines(arena, piece, msg, reply);
	else if (op == YT_OP_OUTPATIENT_FEES_CANCEL || op == YT_OP_INPATIENT_FEES_CANCEL)
		take_gone(arena, piece, msg);
	else if (!take_parts(arena, piece, msg) && values->child == NULL)
		return NULL;
	return piece;
}

struct yt_node *facts_upload(struct yt_arena *arena, const struct yt_msg *msg, struct yt_str number)
{
	const struct yt_node *rows = rows_of(msg->body);
	struct yt_node *piece = yt_node_new(arena, YT_OBJECT), *lines, *line;

	if (rows == NULL || piece == NULL || number.n == 0)
		return NULL;
	yt_node_add_text(arena, piece, "op", yt_str(msg->op->name));
	lines = yt_node_add(arena, piece, YT_STR("lines"), YT_ARRAY);
	for (const struct yt_node *row = rows->child; row != NULL; row = row->next) {
		line = yt_node_add(arena, lines, (struct yt_str){ 0 }, YT_OBJECT);
		if (line == NULL ||
		        yt_node_add_text(arena, line, "feedetl_sn", yt_node_text(row, "feedetl_sn")) == NULL ||
		        yt_node_add_text(arena, line, "uploaded_as", number) == NULL)
			return NULL;
	}
	return piece;
}

/* -- together ----------------------------------------------------------------------------------- */

void facts_begin(struct facts *facts, struct yt_arena *arena)
{
	memset(facts, 0, sizeof(*facts));
	facts->arena = arena;
	facts->pieces = yt_node_new(arena, YT_ARRAY);
}

void facts_add(struct facts *facts, struct yt_node *piece)
{
	struct yt_node *in =
	        piece == NULL ? NULL : yt_node_add(facts->arena, facts->pieces, (struct yt_str){ 0 }, YT_OBJECT);

	if (in == NULL)
		return;
	in->child = piece->child;
	in->last = piece->last;
	in->n = piece->n;
}

int facts_read(struct facts *facts, struct yt_str json)
{
	const struct yt_json_limits limits = { .depth = 6, .nodes = 200000 };
	struct yt_node *piece;
	int rv = yt_json_read(facts->arena, json, &limits, &piece, NULL);

	if (rv != 0)
		return rv;
	if (piece->kind == YT_OBJECT)
		facts_add(facts, piece);
	else if (piece->kind != YT_ARRAY)
		return YT_EFORMAT;
	for (struct yt_node *p = piece->kind == YT_ARRAY ? piece->child : NULL; p != NULL; p = p->next) {
		if (p->kind != YT_OBJECT)
			return YT_EFORMAT;
		facts_add(facts, p);
	}
	return 0;
}

/* The charge batch a message is about. */
static struct yt_str batch_of(const struct facts *facts, const struct yt_msg *msg)
{
	if (yt_str_is(msg->batch, "0000")) /* all of the visit (nhsa.md 2205) */
		return (struct yt_str){ 0 };
	if (msg->batch.n != 0 || msg->settlement.n == 0)
		return msg->batch;
	for (const struct yt_node *p = facts->pieces->child; p != NULL; p = p->next)
		if (yt_str_eq(yt_node_text(yt_node_get(p, "set"), "setl_id"), msg->settlement))
			return yt_node_text(p, "batch");
	return (struct yt_str){ 0 };
}

static bool is_gone(const struct yt_node *gone, const struct yt_node *line)
{
	for (const struct yt_node *g = gone->child; g != NULL; g = g->next)
		if (yt_str_is(g->text, "0000") || yt_str_eq(g->text, yt_node_text(line, "feedetl_sn")))
			return true;
	return false;
}

static void drop_lines(struct facts *facts, const struct yt_node *gone)
{
	struct yt_node **at = &facts->lines->child;

	facts->lines->last = NULL;
	while (*at != NULL) {
		if (is_gone(gone, *at)) {
			*at = (*at)->next;
			facts->lines->n--;
		} else {
			facts->lines->last = *at;
			at = &(*at)->next;
		}
	}
}

struct numbered { /* a line by its number: a stay has hundreds */
	struct yt_node *line;
	UT_hash_handle hh;
};

/* A line sent again has the number it had: it counts once. */
static bool add_line(struct facts *facts, struct numbered **known, const struct yt_node *line)
{
	struct yt_str serial = yt_node_text(line, "feedetl_sn");
	struct numbered *n = NULL;

	if (serial.n != 0)
		HASH_FIND(hh, *known, serial.p, serial.n, n);
	if (n == NULL) {
		n = yt_arena_alloc(facts->arena, sizeof(*n));
		if (n == NULL)
			return false;
		n->line = yt_node_add(facts->arena, facts->lines, (struct yt_str){ 0 }, YT_OBJECT);
		if (serial.n != 0)
			HASH_ADD_KEYPTR(hh, *known, serial.p, serial.n, n);
	}
	return n->line != NULL && lay_values(facts->arena, n->line, line);
}

/* A part takes the place of the one before it, whole. */
static bool lay_parts(struct facts *facts, const struct yt_node *from)
{
	struct yt_node *to;

	for (const struct yt_node *c = from == NULL ? NULL : from->child; c != NULL; c = c->next) {
		for (to = facts->parts->child; to != NULL && !yt_str_eq(to->name, c->name); to = to->next)
			;
		if (to == NULL)
			to = yt_node_add(facts->arena, facts->parts, c->name, YT_OBJECT);
		if (to == NULL)
			return false;
		to->kind = c->kind;
		to->child = c->child;
		to->last = c->last;
		to->n = c->n;
	}
	return true;
}

/* One piece over what is there; false when out of memory. */
static bool lay_over(struct facts *facts, struct numbered **known, const struct yt_node *piece)
{
	const struct yt_node *values = yt_node_get(piece, "set"), *lines = yt_node_get(piece, "lines");
	const struct yt_node *gone = yt_node_get(piece, "gone");

	if (values != NULL && !lay_values(facts->arena, facts->set, values))
		return false;
	if (!lay_parts(facts, yt_node_get(piece, "parts")))
		return false;
	for (const struct yt_node *c = lines == NULL ? NULL : lines->child; c != NULL; c = c->next)
		if (!add_line(facts, known, c))
			return false;
	if (gone != NULL) { /* what is sent after it is there again */
		drop_lines(facts, gone);
		HASH_CLEAR(hh, *known);
		for (struct yt_node *c = facts->lines->child; c != NULL; c = c->next) {
			struct numbered *n = yt_arena_alloc(facts->arena, sizeof(*n));
			struct yt_str serial = yt_node_text(c, "feedetl_sn");

			if (n == NULL)
				return false;
			n->line = c;
			if (serial.n != 0)
				HASH_ADD_KEYPTR(hh, *known, serial.p, serial.n, n);
		}
	}
	return true;
}

int facts_gather(struct facts *facts, const struct yt_msg *msg)
{
	struct numbered *known = NULL;
	struct yt_str batch, of;
	int rv = 0;

	facts->set = yt_node_new(facts->arena, YT_OBJECT);
	facts->lines = yt_node_new(facts->arena, YT_ARRAY);
	facts->parts = yt_node_new(facts->arena, YT_OBJECT);
	if (facts->pieces == NULL || facts->set == NULL || facts->lines == NULL || facts->parts == NULL)
		return YT_ENOMEM;
	batch = batch_of(facts, msg);
	for (const struct yt_node *p = facts->pieces->child; rv == 0 && p != NULL; p = p->next) {
		of = yt_node_text(p, "batch");
		if ((of.n == 0 || batch.n == 0 || yt_str_eq(of, batch)) && !lay_over(facts, &known, p))
			rv = YT_ENOMEM;
	}
	HASH_CLEAR(hh, known);
	return rv;
}

struct yt_str facts_get(const struct facts *facts, const char *name)
{
	return yt_node_text(facts->set, name);
}

/* -- a message for another party ----------------------------------------------------------------- */

/* Rows of another node under a new name in an object: shared, not copied. */
static bool add_shared(struct yt_arena *arena, struct yt_node *to, struct yt_str name, const struct yt_node *from)
{
	struct yt_node *node = yt_node_add(arena, to, name, (enum yt_kind)from->kind);

	if (node == NULL)
		return false;
	node->child = from->child;
	node->last = from->last;
	node->n = from->n;
	return true;
}

/* The business part of a message that no request of an origin is behind: single values under data, parts and fee lines
 * beside it. */
static struct yt_node *body_of(const struct facts *facts, const struct yt_msg *msg)
{
	struct yt_node *body = yt_node_new(facts->arena, YT_OBJECT), *data;

	data = body == NULL ? NULL : yt_node_add(facts->arena, body, YT_STR("data"), YT_OBJECT);
	if (data == NULL)
		return NULL;
	if (!lay_values(facts->arena, data, facts->set))
		return NULL;
	yt_node_set_text(facts->arena, data, "fixmedins_code", msg->institution);
	yt_node_set_text(facts->arena, data, "mdtrt_id", msg->visit);
	yt_node_set_text(facts->arena, data, "insuplc_admdvs", msg->insured_area);
	for (const struct yt_node *c = facts->parts->child; c != NULL; c = c->next)
		if (!add_shared(facts->arena, body, c->name, c))
			return NULL;
	return add_shared(facts->arena, body, YT_STR("feedetail"), facts->lines) ? body : NULL;
}

/* Said of a case to a party outside the platform: it is no request of the case's institution. */
static bool is_of_case(enum yt_operation op)
{
	return op == YT_OP_CLAIM_QUOTE || op == YT_OP_CLAIM_SUBMIT || op == YT_OP_CLAIM_QUERY ||
	       op == YT_OP_CLAIM_WITHDRAW || op == YT_OP_CLAIM_ELIGIBILITY;
}

struct yt_msg *facts_compose(const struct facts *facts, const struct yt_msg *msg, const struct yt_op *op)
{
	struct yt_msg *out = yt_msg_new(facts->arena);
	struct yt_node *all = yt_node_new(facts->arena, YT_OBJECT), *lines;

	if (out == NULL || all == NULL)
		return NULL;
	*out = *msg;
	out->arena = facts->arena;
	out->op = op;
	if (op != msg->op)
		out->wire_op = (struct yt_str){ 0 };
	out->content = out->sent =
	        (struct yt_str){ 0 }; /* what its origin's message became at another step is not this one */
	if (!lay_values(facts->arena, all, facts->set))
		return NULL;
	if (facts->lines->n > 0) {
		lines = yt_node_add(facts->arena, all, YT_STR("feedetail"), YT_ARRAY);
		if (lines == NULL)
			return NULL;
		lines->child = facts->lines->child;
		lines->last = facts->lines->last;
		lines->n = facts->lines->n;
	}
	out->facts = all;
	if (is_of_case(op->id))
		out->body = body_of(facts, msg);
	return is_of_case(op->id) && out->body == NULL ? NULL : out;
}

/* -- payments ------------------------------------------------------------------------------------ */

struct yt_str facts_pay_text(struct yt_arena *arena, struct yt_str payee, int64_t fen, struct yt_str type)
{
	return yt_arena_printf(arena, "%.*s|%lld|%.*s", YT_FMT(payee), (long long)fen, YT_FMT(type));
}

bool facts_pay_key(const uint8_t digest[16], char key[FACTS_KEY_MAX])
{
	uint8_t any = 0;

	memcpy(key, "d/", 3);
	for (size_t i = 0; i < PAY_DIGEST_SAME; i++) {
		any |= digest[i];
		snprintf(key + 2 + 2 * i, 3, "%02x", digest[i]);
	}
	return any != 0;
}
