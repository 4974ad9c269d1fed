/* tests/translation.h - national messages with every member their table has, said across provinces and compared.
 *
 * A message is made of the rows of plugins/nhsa/fields.tsv with random values, read by nhsa, written by crossprovince
 * with the facts of those before it, read by the other province and compared leaf by leaf; each answer goes the other
 * way and is read as the hospital reads it.  What does not arrive, or arrives changed, stands in the test's list with
 * its reason and in the plugin's README; and what stands there must really be lost. */
#ifndef TRANSLATION_H
#define TRANSLATION_H

#include "crossprovince_random.h"

#include "engine/facts.h"
#include "leaves.h"

#define PERSON "62100000000000000000876543"
#define CERTIFICATE "621002197203164015"
#define REGISTRATION "S6210002603060000123"
#define SAID_OK "<result><errorcode>0</errorcode><dupflag>0</dupflag><output>"
#define SAID_END "</output></result>"

/* -- random values ------------------------------------------------------------------------------ */

/* A name with characters that old systems lose. */
static inline const char *name(struct world *w, unsigned most)
{
	static const char *const pieces[] = { "䶮", "㛃", "𠮷", "\xEE\xA0\x9A", "\xEE\x80\x80", "王", "·", "a", "&",
		"<", "㐀", "𪚥" };
	struct yt_buf out = { 0 };

	for (unsigned n = 1 + rnd(most); n > 0; n--)
		yt_buf_text(&out, pieces[rnd(COUNT(pieces))]);
	return kept(w, &out).p;
}

static inline const char *money(struct world *w, int64_t fen)
{
	return yt_arena_printf(
	        w->arena, "%s%lld.%02d", fen < 0 ? "-" : "", (long long)(llabs(fen) / 100), (int)(llabs(fen) % 100))
	        .p;
}

static inline const char *xml_text(struct world *w, const char *text)
{
	struct yt_buf out = { 0 };

	for (; *text != '\0'; text++)
		if (*text == '&')
			yt_buf_text(&out, "&amp;");
		else if (*text == '<')
			yt_buf_text(&out, "&lt;");
		else
			yt_buf_byte(&out, *text);
	return kept(w, &out).p;
}

/* -- a visit ------------------------------------------------------------------------------------ */

struct visit {
	struct world w;
	struct codec nhsa, zj, gs;
	struct facts facts;
	unsigned n_sent;
	const char *person, *diagnosis, *med_type, *own, *batch, *setlement, *original;
	int64_t total_fen, in_fen, own_fen, out_fen, over_fen;
	int64_t line_fen; /* the fee line that is being written */
	int line_cnt;
	unsigned line, n_lines, diagnosis_at, struck_out; /* which diagnosis does not hold */
};

static inline void begin(struct visit *v, const char *encoding)
{
	struct plugin_setting settings[] = { { "recer_sys_code", "YBXT" }, { "operator", "YT9001" } };
	char why[512];

	memset(v, 0, sizeof(*v));
	v->w = world_open();
	v->zj = open_with(&v->w, "330000", "encoding", encoding);
	v->gs = open_with(&v->w, "620000", "encoding", encoding);
	if (plugin_load(&v->nhsa.plugin, YT_PLUGIN_DIR "/nhsa.so", "test", settings, 2, v->w.keys, why, sizeof(why)) !=
	        0)
		fail_msg("%s", why);
	v->nhsa.api = plugin_api(v->nhsa.plugin);
	facts_begin(&v->facts, v->w.arena);
	v->person = name(&v->w, 50);
	v->diagnosis = name(&v->w, 60);
	v->own = yt_arena_printf(v->w.arena, "ZY%u", rnd(1000000)).p;
	v->batch = "B1";
	v->struck_out = UINT_MAX;
}

static inline void end(struct visit *v)
{
	plugin_unload(v->nhsa.plugin);
	plugin_unload(v->zj.plugin);
	plugin_unload(v->gs.plugin);
	world_close(&v->w);
}

/* -- national messages from their table --------------------------------------------------------- */

struct national {
	char wire[8], side[4], node[40], name[40], type, need;
	char codes[24];
	int most;
};

static struct national nationals[2400];
static size_t n_nationals;

static inline void nationals_read(void)
{
	FILE *f = n_nationals > 0 ? NULL : fopen(YT_SOURCE_DIR "/plugins/nhsa/fields.tsv", "r");
	char line[1024], *column[10];

	assert_true(f != NULL || n_nationals > 0);
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		struct national *row = &nationals[n_nationals];

		cut(line, column);
		if (line[0] == '#' || column[6] == NULL)
			continue;
		assert_true(++n_nationals < COUNT(nationals));
		snprintf(row->wire, sizeof(row->wire), "%s", column[0]);
		snprintf(row->side, sizeof(row->side), "%s", column[1]);
		snprintf(row->node, sizeof(row->node), "%s", column[2]);
		snprintf(row->name, sizeof(row->name), "%s", column[3]);
		snprintf(row->codes, sizeof(row->codes), "%s", column[7]);
		row->type = column[4][0];
		row->most = column[5][0] == '-' ? -1 : atoi(column[5]);
		row->need = column[6][0];
	}
	if (f != NULL)
		fclose(f);
}

/* What must fit together; NULL: any value will do. */
static inline const char *meant(struct visit *v, const char *field)
{
	const struct {
		const char *name, *value;
	} values[] = {
		{ "psn_no", PERSON },
		{ "mdtrt_id", "330200M1" },
		{ "insutype", "390" },
		{ "mdtrt_cert_type", "02" },
		{ "mdtrt_cert_no", CERTIFICATE },
		{ "psn_cert_type", "01" },
		{ "certno", CERTIFICATE },
		{ "psn_name", v->person },
		{ "med_type", v->med_type },
		{ "chrg_bchno", v->batch },
		{ "ipt_no", v->own },
		{ "ipt_otp_no", v->own },
		{ "dise_codg", "M03900" },
		{ "setl_id", v->setlement },
		{ "omsgid", "H33020300999202603181014300007" },
		{ "oinfno", v->original },
		{ "begntime", yt_arena_printf(v->w.arena, "2026-03-06 08:30:%02u", rnd(60)).p },
		{ "endtime", yt_arena_printf(v->w.arena, "2026-03-18 09:00:%02u", rnd(60)).p },
		{ "dscgTime", "2026-03-17" },
		{ "insuplc_admdvs", "621000" },
		{ "maindiag_flag", v->diagnosis_at == 0 ? "1" : "0" },
		{ "vali_flag", v->diagnosis_at == v->struck_out ? "0" : "1" },
		{ "dscg_way", "1" },
		{ "dscg_maindiag_code", "M51.202" },
		{ "dscg_maindiag_name", v->diagnosis },
		{ "adm_diag_dscr", v->diagnosis },
		{ "diag_code", v->diagnosis_at == 0 ? "M51.202"
		                                    : yt_arena_printf(v->w.arena, "I10.x%02u", v->diagnosis_at).p },
		{ "diag_name", v->diagnosis_at == 0 ? v->diagnosis : name(&v->w, 30) },
		{ "acct_used_flag", "1" },
		{ "init_feedetl_sn", "1" },
		/* Texts that are shorter there; a longer one is refused (below). */
		{ "medins_list_codg", "H-X" },
		{ "feedetl_sn", yt_arena_printf(v->w.arena, "%u", v->line + 1).p },
	};

	for (size_t i = 0; i < COUNT(values); i++)
		if (strcmp(values[i].name, field) == 0)
			return values[i].value != NULL ? values[i].value : "1";
	return NULL;
}

static inline const char *meant_amount(struct visit *v, const char *field)
{
	const struct {
		const char *name;
		int64_t fen;
	} amounts[] = {
		{ "medfee_sumamt", v->total_fen },
		{ "inscp_scp_amt", v->in_fen },
		{ "preselfpay_amt", v->own_fen },
		{ "fulamt_ownpay_amt", v->out_fen },
		{ "overlmt_selfpay", v->over_fen },
		{ "det_item_fee_sumamt", v->line_fen },
		{ "pric", v->line_cnt != 0 ? v->line_fen / v->line_cnt : 0 },
	};

	if (strcmp(field, "cnt") == 0)
		return yt_arena_printf(v->w.arena, "%d", v->line_cnt).p;
	for (size_t i = 0; i < COUNT(amounts); i++)
		if (strcmp(amounts[i].name, field) == 0)
			return money(&v->w, amounts[i].fen);
	return NULL;
}

static inline bool is_called(const char *field, const char *end)
{
	size_t n = strlen(field), m = strlen(end);

	return n >= m && strcmp(field + n - m, end) == 0;
}

static inline const char *random_national(struct visit *v, const struct national *row)
{
	unsigned most = row->most < 0 ? 20 : (unsigned)row->most;
	char token[16];

	if (is_called(row->name, "_name") || is_called(row->name, "_dscr") || strcmp(row->name, "memo") == 0)
		return name(&v->w, most < 40 ? most : 40);
	if (row->type == 'D')
		return yt_arena_printf(v->w.arena, "2026-03-%02u", 1 + rnd(18)).p;
	if (row->type == 'T')
		return yt_arena_printf(v->w.arena, "2026-03-10 08:00:%02u", rnd(60)).p;
	if (strcmp(row->codes, "yes_no") == 0)
		return rnd(2) == 0 ? "0" : "1";
	if (strcmp(row->codes, "-") != 0)
		return "1";
	snprintf(token, most < 12 ? most + 1 : 13, "%uX%u", 1 + rnd(9), rnd(1000000));
	return yt_arena_printf(v->w.arena, "%s", token).p;
}

/* settled() lets the account pay; a doctor without a name would be named by his code. */
static inline bool is_always_there(const struct national *row)
{
	return row->need == 'Y' || strcmp(row->name, "acct_used_flag") == 0 || strcmp(row->name, "bilg_dr_name") == 0;
}

static inline void put_national(struct visit *v, struct yt_buf *out, const struct national *row)
{
	const char *value = row->type == 'N' ? meant_amount(v, row->name) : meant(v, row->name);

	if (row->type == 'N')
		yt_buf_printf(out, "\"%s\":%s", row->name, value != NULL ? value : rnd(2) == 0 ? "1" : "2");
	else if (!is_always_there(row) && value == NULL && rnd(6) == 0)
		yt_buf_printf(out, "\"%s\":\"\"", row->name);
	else
		yt_buf_printf(out, "\"%s\":\"%s\"", row->name, value != NULL ? value : random_national(v, row));
}

/* Only a negative line names another. */
static inline bool is_left_out(const struct visit *v, const struct national *row)
{
	if (strcmp(row->name, "init_feedetl_sn") == 0)
		return v->line_cnt >= 0;
	return !is_always_there(row) && rnd(4) == 0;
}

/* The members of one node, and one that no table has. */
static inline void put_members(struct visit *v, struct yt_buf *out, const char *wire, const char *node)
{
	yt_buf_text(out, "{");
	for (size_t i = 0; i < n_nationals; i++) {
		const struct national *row = &nationals[i];

		if (strcmp(row->wire, wire) != 0 || strcmp(row->side, "in") != 0 || strcmp(row->node, node) != 0 ||
		        is_left_out(v, row))
			continue;
		put_national(v, out, row);
		yt_buf_text(out, ",");
	}
	yt_buf_text(out, "\"province_member\":\"䶮\"}");
}

static inline const char *request(struct visit *v, const char *wire, const char *input)
{
	return yt_arena_printf(v->w.arena,
	        "{\"infno\":\"%s\",\"msgid\":\"H33020300999202603181015300001\",\"mdtrtarea_admvs\":\"330200\","
	        "\"insuplc_admdvs\":\"621000\",\"recer_sys_code\":\"YBXT\",\"infver\":\"V1.0\",\"opter_type\":\"1\","
	        "\"opter\":\"S0007\",\"opter_name\":\"收费员七\",\"inf_time\":\"2026-03-18 10:15:30\","
	        "\"fixmedins_code\":\"H33020300999\",\"fixmedins_name\":\"宁波甬东示例医院\",\"sign_no\":\"S1\",\"input\":%s}",
	        wire, input)
	        .p;
}

/* {"node":{...},"rows":[{...},...]}; node or rows may be NULL. */
static inline const char *random_request(
        struct visit *v, const char *wire, const char *node, const char *rows, unsigned n)
{
	struct yt_buf out = { 0 };
	char path[48];

	nationals_read();
	yt_buf_text(&out, "{");
	if (node != NULL) {
		yt_buf_printf(&out, "\"%s\":", node);
		put_members(v, &out, wire, node);
	}
	if (rows != NULL) {
		snprintf(path, sizeof(path), "%s[]", rows);
		yt_buf_printf(&out, "%s\"%s\":[", node != NULL ? "," : "", rows);
		for (v->diagnosis_at = 0; v->diagnosis_at < n; v->diagnosis_at++) {
			yt_buf_text(&out, v->diagnosis_at > 0 ? "," : "");
			put_members(v, &out, wire, path);
		}
		yt_buf_text(&out, "]");
	}
	yt_buf_text(&out, "}");
	return request(v, wire, kept(&v->w, &out).p);
}

/* The amounts of one fee line; sign -1: the first one's, given back. */
struct split {
	int64_t in, own, out, over;
	unsigned level; /* of the item: 甲 1, 乙 2, 丙 3 */
};

static inline void next_line(struct visit *v, struct split *s, int sign)
{
	if (sign > 0) {
		*s = (struct split){ 2 * (int64_t)rnd(1000000), 2 * rnd(1000), 2 * rnd(1000), 2 * rnd(1000),
			1 + rnd(3) };
		v->line_cnt = 1 + (int)rnd(2);
	} else {
		*s = (struct split){ -s->in, -s->own, -s->out, -s->over, s->level };
		v->line_cnt = -v->line_cnt;
	}
	v->line_fen = s->in + s->own + s->out + s->over;
	v->total_fen += v->line_fen;
	v->in_fen += s->in, v->own_fen += s->own, v->out_fen += s->out, v->over_fen += s->over;
}

static inline void put_split(struct visit *v, struct yt_buf *out, const struct split *s)
{
	struct world *w = &v->w;

	yt_buf_printf(out,
	        "%s{\"feedetl_sn\":\"%u\",\"det_item_fee_sumamt\":%s,\"cnt\":%d,\"pric\":%s,\"pric_uplmt_amt\":0,"
	        "\"inscp_scp_amt\":%s,\"preselfpay_amt\":%s,\"fulamt_ownpay_amt\":%s,\"overlmt_amt\":%s,"
	        "\"chrgitm_lv\":\"0%u\",\"med_chrgitm_type\":\"09\",\"lmt_used_flag\":\"0\"}",
	        v->line > 0 ? "," : "", v->line + 1, money(w, v->line_fen), v->line_cnt,
	        money(w, v->line_fen / v->line_cnt), money(w, s->in), money(w, s->own), money(w, s->out),
	        money(w, s->over), s->level);
}

/* Fee lines as rows of that name, and their split as the treating platform answers it.  gives_back: there may be one
 * that sets the one before it off. */
static inline const char *random_lines(
        struct visit *v, const char *wire, const char *node, const char *rows, bool gives_back, const char **answer)
{
	struct yt_buf lines_out = { 0 }, splits = { 0 }, all = { 0 };
	struct split s = { 0 };
	unsigned n = 2 + rnd(4);
	char path[48];

	nationals_read();
	snprintf(path, sizeof(path), "%s[]", rows);
	v->total_fen = v->in_fen = v->own_fen = v->out_fen = v->over_fen = 0;
	for (v->line = 0, v->n_lines = n; v->line < n; v->line++) {
		next_line(v, &s, gives_back && v->line == 1 && rnd(2) == 0 ? -1 : 1);
		yt_buf_text(&lines_out, v->line > 0 ? "," : "");
		put_members(v, &lines_out, wire, path);
		put_split(v, &splits, &s);
	}
	*answer = kept(&v->w, &splits).p;
	yt_buf_text(&all, "{");
	if (node != NULL) {
		yt_buf_printf(&all, "\"%s\":", node);
		put_members(v, &all, wire, node);
		yt_buf_text(&all, ",");
	}
	yt_buf_printf(&all, "\"%s\":[%s]}", rows, kept(&v->w, &lines_out).p);
	return request(v, wire, kept(&v->w, &all).p);
}

/* -- what goes where ---------------------------------------------------------------------------- */

/* A national request; the facts that it and its answer leave behind are kept.  answer NULL: none yet. */
static inline struct yt_msg *said(struct visit *v, const char *octets, const char *answer)
{
	enum yt_charset charset = rnd(2) == 0 ? YT_UTF8 : YT_GB18030; /* of old client libraries */
	struct yt_msg *msg = must_decode(&v->w, &v->nhsa, in_charset(&v->w, yt_str(octets), charset));
	struct yt_reply *reply;

	if (answer == NULL)
		return msg;
	reply = answered(&v->w, &v->nhsa, msg, in_charset(&v->w, yt_str(answer), charset));
	if (reply->outcome != YT_DONE)
		fail_msg("%.*s: %.*s", YT_FMT(msg->wire_op), YT_FMT(reply->text));
	facts_add(&v->facts, facts_piece(v->w.arena, msg, reply));
	return msg;
}

/* msg as op to the other province; *own is what was sent. */
static inline struct yt_msg *asked_across(
        struct visit *v, const struct yt_msg *msg, enum yt_operation op, struct yt_msg **own)
{
	assert_int_equal(facts_gather(&v->facts, msg), 0);
	*own = facts_compose(&v->facts, msg, yt_op(op));
	(*own)->number = yt_arena_printf(v->w.arena, "20260318101530%010u", ++v->n_sent);
	(*own)->sent = encoded(&v->w, &v->zj, *own);
	return must_decode(&v->w, &v->gs, (*own)->sent);
}

/* result: what the other province says to own; heard by the hospital that asked msg. */
static inline struct yt_reply *answered_across(
        struct visit *v, const struct yt_msg *msg, struct yt_msg *own, const char *result)
{
	struct doc a = ksbw_answer;
	struct yt_reply *reply, *heard;
	struct yt_str transno = text_of(own->sent, "transno");
	char why[200];

	a.transno = yt_arena_copy(v->w.arena, transno).p;
	a.reftransid = yt_arena_copy(v->w.arena, text_of(own->sent, "transid")).p;
	a.body = result;
	a.charset = memmem(own->sent.p, own->sent.n, "GB18030", 7) != NULL ? YT_GB18030 : YT_UTF8;
	reply = answered(&v->w, &v->zj, own, sealed(&v->w, &a));
	if (reply->outcome != YT_DONE || reply->breach.n > 0)
		fail_msg("%.*s: %.*s %.*s", YT_FMT(transno), YT_FMT(reply->text), YT_FMT(reply->breach));
	facts_add(&v->facts, facts_piece(v->w.arena, own, reply));
	if (own->op->id == YT_OP_INPATIENT_FEES)
		facts_add(&v->facts, facts_upload(v->w.arena, own, text_of(own->sent, "transid")));
	if (yt_money_check(own->op->reply_money, reply->body, why, sizeof(why)) != 0)
		fail_msg("%.*s: %s", YT_FMT(transno), why);
	if (own->op != msg->op)
		return reply; /* a step of a flow: the hospital hears nothing of it */
	heard = answered(&v->w, &v->nhsa, msg, encoded_reply(&v->w, &v->nhsa, msg, reply));
	if (heard->outcome != YT_DONE)
		fail_msg("%.*s: the hospital hears %.*s", YT_FMT(transno), YT_FMT(heard->text));
	assert_arrives(yt_arena_printf(v->w.arena, "%.*s answer", YT_FMT(msg->wire_op)).p, reply->body, heard->body);
	return reply;
}

/* Both; what msg says is compared under its own number. */
static inline struct yt_msg *across(struct visit *v, const struct yt_msg *msg, enum yt_operation op, const char *result)
{
	struct yt_msg *own, *read = asked_across(v, msg, op, &own);

	if (op == msg->op->id)
		assert_arrives(yt_arena_copy(v->w.arena, msg->wire_op).p, msg->body, read->body);
	answered_across(v, msg, own, result);
	return read;
}

/* msg cannot be said: the member that is named. */
static inline void assert_refused(
        struct visit *v, const struct yt_msg *msg, enum yt_operation op, const char *path, const char *why)
{
	struct yt_buf out = { 0 };
	struct yt_msg *own;
	int rv;

	assert_int_equal(facts_gather(&v->facts, msg), 0);
	own = facts_compose(&v->facts, msg, yt_op(op));
	own->number = YT_STR("202603181015300000000099");
	memset(&v->w.fault, 0, sizeof(v->w.fault));
	rv = v->zj.api->encode_request(v->zj.plugin, own, &out, &v->w.fault);
	yt_buf_free(&out);
	if (rv != YT_EFORMAT || strcmp(v->w.fault.path, path) != 0 || strstr(v->w.fault.why, why) == NULL)
		fail_msg("%.*s: %d %s %s, not %s %s", YT_FMT(msg->wire_op), rv, v->w.fault.path, v->w.fault.why, path,
		        why);
}

/* -- answers of the other province -------------------------------------------------------------- */

static inline const char *registered(struct visit *v)
{
	return yt_arena_printf(v->w.arena,
	        SAID_OK "<ykc700>" REGISTRATION "</ykc700><yzz014>%s</yzz014><ykc021>31</ykc021><aae140>390</aae140>"
	                "<aka151>800.00</aka151><warn>%s</warn><warn>%s</warn>" SAID_END,
	        xml_text(&v->w, name(&v->w, 20)), xml_text(&v->w, name(&v->w, 50)), xml_text(&v->w, name(&v->w, 50)))
	        .p;
}

#define STATE_IS(state) SAID_OK "<ykc700>" REGISTRATION "</ykc700><akc068>" state "</akc068>" SAID_END

static inline const char *uploaded(struct visit *v)
{
	return yt_arena_printf(v->w.arena, SAID_OK "<okcnt>%u</okcnt><oksum>%s</oksum>" SAID_END, v->n_lines,
	        money(&v->w, v->total_fen))
	        .p;
}

static inline const char *withdrawn(struct visit *v)
{
	return yt_arena_printf(v->w.arena, SAID_OK "<delcnt>%u</delcnt><delsum>%s</delsum>" SAID_END, v->n_lines,
	        money(&v->w, v->total_fen))
	        .p;
}

/* Every payer has a part; serious disease and large sums with fund rows or without. */
static inline const char *settled(struct visit *v, bool is_booked)
{
	struct world *w = &v->w;
	int64_t fund = v->in_fen / 2, part = fund / 8, pool = fund - 6 * part, account = (v->total_fen - fund) / 4;
	struct yt_buf out = { 0 };

	yt_buf_text(&out, SAID_OK);
	if (is_booked)
		yt_buf_printf(&out, "<aaz216>%s</aaz216>", v->setlement);
	yt_buf_printf(&out,
	        "<ykc700>" REGISTRATION "</ykc700><akc194>20260318101531</akc194><ykc706>20260318</ykc706>"
	        "<aae140>390</aae140><ykc021>31</ykc021><akc264>%s</akc264><ake171>%s</ake171><aka151>12.30</aka151>",
	        money(w, v->total_fen), money(w, v->in_fen));
	yt_buf_printf(&out,
	        "<ake149>%s</ake149><ake039>%s</ake039><ake035>%s</ake035><ake026>%s</ake026><aae045>%s</aae045>"
	        "<ake032>%s</ake032><ake181>%s</ake181><ake173>%s</ake173>",
	        money(w, fund), money(w, pool), money(w, part), money(w, part), money(w, part), money(w, part),
	        money(w, part), money(w, part));
	yt_buf_printf(&out, "<ake038>%s</ake038><akb067>%s</akb067><aae240>%u.50</aae240><ake105>0</ake105>",
	        money(w, account), money(w, v->total_fen - fund - account), rnd(1000));
	if (rnd(3) == 0)
		yt_buf_text(&out, "<detail/>");
	else
		yt_buf_printf(&out,
		        "<detail><row><aaa157>390100</aaa157><aaa160>62</aaa160><aad006>%s</aad006><aae187>%s</aae187></row>"
		        "<row><aaa157>390200</aaa157><aad006>大病</aad006><aae187>%s</aae187></row></detail>",
		        xml_text(w, name(w, 40)), money(w, fund - part), money(w, part));
	yt_buf_text(&out, SAID_END);
	return kept(w, &out).p;
}

static inline const char *reversed(struct visit *v)
{
	struct world *w = &v->w;
	int64_t fund = v->in_fen / 2, account = (v->total_fen - fund) / 4;

	return yt_arena_printf(w->arena,
	        SAID_OK "<aaz216>A6210002603180000999</aaz216><oaaz216>%s</oaaz216><akc194>20260318110001</akc194>"
	                "<ykc706>20260318</ykc706><akc264>%s</akc264><ake149>%s</ake149><ake038>%s</ake038>"
	                "<akb067>%s</akb067><aae240>3.20</aae240>" SAID_END,
	        v->setlement, money(w, -v->total_fen), money(w, -fund), money(w, -account),
	        money(w, -(v->total_fen - fund - account)))
	        .p;
}

/* 1101 at home, then 0211: every element that an answer may have. */
static inline void check_person(struct visit *v)
{
	struct world *w = &v->w;
	const char *person = xml_text(w, v->person);
	struct yt_msg *msg = said(v, random_request(v, "1101", "data", NULL, 0),
	        yt_arena_printf(w->arena,
	                "{\"infcode\":0,\"output\":{\"baseinfo\":{\"psn_no\":\"" PERSON
	                "\",\"psn_cert_type\":\"01\",\"certno\":\"" CERTIFICATE
	                "\",\"psn_name\":\"%s\",\"gend\":\"1\",\"brdy\":\"1972-03-16\",\"age\":54},\"insuinfo\":[{"
	                "\"balc\":0,\"insutype\":\"390\",\"psn_type\":\"31\",\"psn_insu_stas\":\"1\",\"cvlserv_flag\":"
	                "\"0\",\"insuplc_admdvs\":\"621000\"}],\"idetinfo\":[]}}",
	                v->person)
	                .p);

	across(v, msg, YT_OP_PERSON_CHECK,
	        yt_arena_printf(w->arena,
	                SAID_OK
	                "<aac001>" PERSON "</aac001><aac043>01</aac043><aac044>" CERTIFICATE
	                "</aac044><aac003>%s</aac003><aac002>%s</aac002><aac004>1</aac004><aac006>19720316</aac006>"
	                "<aae140>390</aae140><ykc021>31</ykc021><ykc300>A1</ykc300><akc026>0</akc026>"
	                "<ykc751>12</ykc751><akc252>99999999999999.99</akc252><aka151>800.00</aka151>"
	                "<yka116>1.00</yka116><yka119>2.00</yka119><yka121>3.00</yka121><yka123>4.00</yka123>"
	                "<ake092>5.00</ake092><yka437>6.00</yka437><akc200>2</akc200><akc068>1</akc068>"
	                "<filing><yzz014>%s</yzz014><rloc_rea>1</rloc_rea><rloc_admdvs>330200</rloc_admdvs>"
	                "<begndate>20260101</begndate><enddate>20261231</enddate><state>1</state>"
	                "<allo_setl_cnt>3</allo_setl_cnt><channel>NAT</channel><emergok>1</emergok></filing>"
	                "<dise_codg>M03900</dise_codg><dise_codg>M01600</dise_codg>" SAID_END,
	                person, person, person)
	                .p);
}

#endif
