/* Every row of the insurers' fields.tsv, in whichever direction it goes: it is there in a full message, refused when it
 * must be there and is not, left out when it may, and refused when its value is none of its kind. */
#include "format/sm.h"
#include "insurer_claim.h"
#include "insurer_peer.h"
#include "yitong/charset.h"

#define DECISION                                                                                                        \
	"{\"data\":{\"request_no\":\"R1\",\"claim_no\":\"C1\",\"setl_id\":\"S1\",\"claim_state\":\"PAID\","             \
	"\"state_time\":\"2026-11-21 09:00:00\",\"received_time\":\"2026-11-20 15:44:31\",\"adj_date\":\"2026-11-20\"," \
	"\"payable_amt\":3.00,\"refuse_code\":\"R101\",\"refuse_reason\":\"x\",\"pay_by\":\"INSURER\","                 \
	"\"pay_to\":\"PERSON\",\"expect_pay_date\":\"2026-11-21\",\"pay_time\":\"2026-11-21 09:00:00\","                \
	"\"bank_serial\":\"B1\",\"acct_tail\":\"1017\",\"paid_amt\":3.00,\"pay_state\":\"PAID\",\"event_seq\":\"3\","   \
	"\"event_time\":\"2026-11-20 16:08:44\"},"                                                                      \
	"\"liability\":[{\"liability_code\":\"Z01\",\"base_amt\":8,\"deductible_amt\":2,\"ratio\":0.5,\"pay_amt\":3}]," \
	"\"docs\":[{\"doc_type\":\"02\",\"note\":\"x\",\"due_date\":\"2026-12-01\"}]}"
#define PERSON                                                                                                         \
	"{\"data\":{\"psn_name\":\"x\",\"psn_cert_type\":\"01\",\"certno\":\"330299198804123029\",\"query_date\":\"2026-11-20\"}}"
#define DOCUMENTS                                                                                                            \
	"{\"data\":{\"request_no\":\"R1\",\"claim_no\":\"C1\",\"claim_state\":\"ACCEPTED\"},\"docs\":[{\"doc_type\":\"01\"," \
	"\"file_name\":\"a.pdf\",\"file_type\":\"pdf\",\"content\":\"MTIz\"}]}"
#define WITHDRAW                                                                                                       \
	"{\"data\":{\"request_no\":\"R1\",\"claim_no\":\"C1\",\"withdraw_reason\":\"1\",\"new_setl_id\":\"S2\","       \
	"\"claim_state\":\"REJECTED\"}}"
#define STATEMENT                                                                                                         \
	"{\"data\":{\"stmt_date\":\"2026-11-20\",\"page\":\"1\",\"pages\":\"1\",\"total\":\"1\",\"total_pay_amt\":3.00}," \
	"\"claims\":[{\"request_no\":\"R1\",\"claim_no\":\"C1\",\"setl_id\":\"S1\",\"claim_state\":\"PAID\","             \
	"\"state_time\":\"2026-11-21 09:00:00\",\"payable_amt\":3,\"pay_time\":\"2026-11-21 09:00:00\","                  \
	"\"bank_serial\":\"B1\",\"paid_amt\":3,\"pay_state\":\"PAID\",\"pay_by\":\"INSURER\"}]}"
#define INSURED                                                                                                               \
	"{\"data\":{\"insured\":\"1\"},\"policy\":[{\"policy_no\":\"P1\",\"product_code\":\"X\",\"begndate\":\"2026-01-01\"," \
	"\"enddate\":\"2026-12-31\",\"deductible_used\":%s}]}"
#define QUOTE                                                                                                          \
	"{\"data\":{\"quote_no\":\"Q1\",\"payable_amt\":3,\"deductible_used\":1,\"pay_to\":\"INSTITUTION\","           \
	"\"valid_until\":\"2026-11-21 00:00:00\"},\"liability\":[{\"liability_code\":\"IN_LIST\",\"pay_amt\":3}]}"

/* A full message of each kind, and the answer to it. */
static const struct sample {
	const char *wire;
	enum yt_operation op;
	const char *in, *out; /* NULL out: nothing is in it */
} samples[] = {
	{ "claims", YT_OP_CLAIM_SUBMIT, NULL, DECISION },
	{ "query", YT_OP_CLAIM_QUERY, "{\"data\":{\"claim_no\":\"C1\"}}", DECISION },
	{ "quote", YT_OP_CLAIM_QUOTE, NULL, QUOTE },
	{ "eligibility", YT_OP_CLAIM_ELIGIBILITY, PERSON, INSURED },
	{ "documents", YT_OP_CLAIM_DOCUMENTS, DOCUMENTS, DOCUMENTS },
	{ "withdraw", YT_OP_CLAIM_WITHDRAW, WITHDRAW, WITHDRAW },
	{ "payment", YT_OP_CLAIM_PAYMENT,
	        "{\"data\":{\"claim_no\":\"C1\",\"payout_no\":\"P1\",\"pay_state\":\"FAILED\",\"pay_time\":\"2026-11-21 "
	        "09:00:00\",\"bank_serial\":\"B1\",\"paid_amt\":3,\"reason\":\"x\"}}",
	        WITHDRAW },
	{ "callback", YT_OP_CLAIM_RESULT, DECISION, NULL },
	{ "reconciliation", YT_OP_CLAIM_STATEMENT, STATEMENT, STATEMENT },
	{ "JH1001", YT_OP_CLAIM_ELIGIBILITY, PERSON, INSURED },
	{ "JH2001", YT_OP_CLAIM_SUBMIT, NULL, DECISION },
	{ "JH2002", YT_OP_CLAIM_QUERY, "{\"data\":{\"request_no\":\"R1\",\"claim_no\":\"C1\"}}", DECISION },
	{ "JH2003", YT_OP_CLAIM_DOCUMENTS, DOCUMENTS, DOCUMENTS },
	{ "JH2004", YT_OP_CLAIM_WITHDRAW, WITHDRAW, WITHDRAW },
	{ "JH2005", YT_OP_CLAIM_STATEMENT, STATEMENT, STATEMENT },
};

struct row {
	char wire[20], side[4], node[40], field[40], type, must;
	unsigned max;
	bool has_codes;
};

/* One message as it stands on the wire, to be spoiled. */
struct wire {
	struct world *w;
	struct codec *c;
	bool is_xml, is_answer;
	const struct yt_msg *asked; /* what an answer answers */
	struct yt_str octets;
	struct yt_node *root; /* members: the JSON object, BODY */
};

/* -- octets to a tree and back ------------------------------------------------------------------- */

static size_t line_of(const struct wire *m)
{
	const char *end = m->is_answer ? NULL : memchr(m->octets.p, '\n', m->octets.n);

	return end != NULL ? (size_t)(end + 1 - m->octets.p) : 0;
}

static void take_tree(struct wire *m)
{
	struct yt_json_error err;
	struct yt_xml xml;
	size_t n = line_of(m);

	if (m->is_xml) {
		static const struct yt_xml_limits limits = { .octets = 8u << 20, .text = 4u << 20 };

		assert_int_equal(yt_xml_read(m->w->arena, m->octets, &limits, &xml, NULL), 0);
		m->root = yt_node_get(xml.root, "BODY");
		return;
	}
	assert_int_equal(
	        yt_json_read(m->w->arena, (struct yt_str){ m->octets.p + n, m->octets.n - n }, NULL, &m->root, &err),
	        0);
	if (m->is_answer)
		m->root = yt_node_get(m->root, "data");
}

/* The document with another BODY: digest and signature are good, only what it says is spoiled. */
static struct yt_str seal(struct wire *m)
{
	const char *head = memmem(m->octets.p, m->octets.n, "<DIGEST>", 8);
	struct yt_buf body = { 0 }, hex = { 0 }, der = { 0 }, out = { 0 };
	struct yt_xml_writer w;
	struct yt_piece piece;
	uint8_t digest[32], signature[64];

	yt_xml_begin(&w, &body, YT_GB18030);
	yt_xml_node(&w, m->root);
	assert_int_equal(yt_xml_done(&w, NULL), 0);
	yt_sm3(yt_buf_view(&body), digest);
	yt_hex_add(&hex, digest, sizeof(digest), false);
	piece = YT_PIECE(yt_buf_view(&hex));
	assert_int_equal(keys_sm2_sign(m->w->keys, YT_STR("ours"), NULL, &piece, 1, signature), 0);
	assert_int_equal(sm2_signature_to_der(signature, &der), 0);
	yt_buf_add(&out, m->octets.p, (size_t)(head - m->octets.p));
	yt_buf_printf(&out, "<DIGEST>%.*s</DIGEST><SIGN>", (int)hex.n, (char *)hex.p);
	yt_base64_add(&out, der.p, der.n);
	yt_buf_text(&out, "</SIGN></HEAD>");
	yt_buf_str(&out, yt_buf_view(&body));
	yt_buf_text(&out, "</JHB>");
	yt_buf_free(&body);
	yt_buf_free(&hex);
	yt_buf_free(&der);
	return kept(m->w, &out);
}

static struct yt_str written(struct wire *m)
{
	struct yt_buf out = { 0 };

	if (m->is_xml)
		return seal(m);
	yt_buf_add(&out, m->octets.p, line_of(m));
	if (m->is_answer)
		yt_buf_text(&out, "{\"code\":\"0\",\"message\":\"\",\"data\":");
	yt_json_write(m->root, &out);
	if (m->is_answer)
		yt_buf_text(&out, "}");
	return kept(m->w, &out);
}

/* -- what becomes of it -------------------------------------------------------------------------- */

enum end { TAKEN, NOT_TAKEN };

static enum end read_it(struct wire *m, char text[400])
{
	struct yt_str octets = written(m);
	struct yt_msg *msg;

	if (m->is_answer) {
		struct yt_reply *reply = answered(m->w, m->c, m->asked, 200, octets);

		snprintf(text, 400, "%.*s", YT_FMT(reply->text));
		assert_true(reply->outcome != YT_REFUSED);
		return reply->outcome == YT_DONE ? TAKEN : NOT_TAKEN;
	}
	if (try_decode(m->w, m->c, octets, &msg) == 0)
		return TAKEN;
	snprintf(text, 400, "%s %s", m->w->fault.path, m->w->fault.why);
	return NOT_TAKEN;
}

/* The object or first row that the row's field stands in, and the last part of its name. */
static struct yt_node *object_of(const struct wire *m, const struct row *row, const char **name)
{
	char path[96];
	struct yt_node *node = m->root;
	char *part, *rest = path, *dot;

	snprintf(path, sizeof(path), "%s%s%s", strcmp(row->node, "-") == 0 ? "" : row->node,
	        strcmp(row->node, "-") == 0 ? "" : ".", row->field);
	*name = strrchr(row->field, '.') != NULL ? strrchr(row->field, '.') + 1 : row->field;
	while ((part = strsep(&rest, ".")) != NULL && rest != NULL) {
		if ((dot = strpbrk(part, "[?")) != NULL)
			*dot = '\0';
		node = yt_node_get(node, part);
		if (node != NULL && node->kind == YT_ARRAY)
			node = node->child;
	}
	return node;
}

static void rename_to(struct yt_node *node, const char *name)
{
	node->name = yt_str(name);
}

static void spoil(struct world *w, const struct row *row, struct yt_node *node, bool is_xml)
{
	static char large[2800000];
	const char *text = "?";

	memset(large, 'x', sizeof(large) - 1);
	node->child = NULL;
	node->n = 0;
	switch (row->type) {
	case 'S':
	case 'Z':
		if (!row->has_codes)
			text = large + sizeof(large) - 1 - (row->max + 1);
		break;
	case 'D':
		text = "2026-02-30";
		break;
	case 'd':
		text = "20260230";
		break;
	case 'T':
		text = "2026-11-20 15:42:10";
		break;
	case 't':
		text = "20261120256000";
		break;
	case 'F':
		text = "1.0";
		break;
	case 'M':
		text = "1.5";
		break;
	case 'A':
		text = "100000000000";
		break;
	case 'I':
		text = "-1";
		break;
	case 'E':
		text = "SM4:AQEB";
		break;
	default:
		break;
	}
	node->kind = (row->type == 'A' || row->type == 'I') && !is_xml ? YT_NUMBER : YT_TEXT;
	node->text = yt_arena_copy(w->arena, yt_str(text));
}

/* The object or rows themselves, left out: of a path the first part, so that a list goes with its rows. */
static void try_group(struct wire *m, const struct row *row)
{
	size_t n = strcspn(row->node, ".[?");
	bool may_go = strpbrk(row->node, "?.") != NULL || strstr(row->node, "[]") != NULL;
	char name[40], text[400] = "";
	struct yt_node *node;
	struct yt_str was;

	snprintf(name, sizeof(name), "%.*s", (int)n, row->node);
	if (strcmp(name, "-") == 0 || strcmp(name, "result") == 0) /* whose parts are there for different reasons */
		return;
	node = yt_node_get(m->root, name);
	assert_non_null(node);
	was = node->name;
	rename_to(node, "Unknown");
	if ((read_it(m, text) == TAKEN) != may_go && strstr(text, "fee line") == NULL)
		fail_msg("%s %s: without the whole of %s: %s", row->wire, row->side, row->node, text);
	node->name = was;
}

static void try_row(struct wire *m, const struct row *row)
{
	const char *name;
	struct yt_node *object = object_of(m, row, &name), *node = yt_node_get(object, name), was;
	char text[400] = "";

	if (node == NULL)
		fail_msg("%s %s: %s.%s is in no message of the test", row->wire, row->side, row->node, row->field);
	assert_int_equal(read_it(m, text), TAKEN);
	rename_to(node, "Unknown"); /* members nobody knows are ignored */
	if (row->must == 'M' || row->must == 'Z') {
		if (read_it(m, text) == TAKEN || strstr(text, name) == NULL)
			fail_msg("%s %s: without %s: %s", row->wire, row->side, row->field, text);
	} else if (row->must != 'K' && read_it(m, text) != TAKEN) {
		fail_msg("%s %s: without %s, which may be left out: %s", row->wire, row->side, row->field, text);
	}
	rename_to(node, name);
	was = *node;
	if (row->type == 'X')
		return;
	spoil(m->w, row, node, m->is_xml);
	if (read_it(m, text) == TAKEN || strstr(text, name) == NULL)
		fail_msg("%s %s: spoiled %s: %s", row->wire, row->side, row->field, text);
	*node = was;
	if (m->is_xml)
		return;
	node->kind = YT_OBJECT; /* another kind of value */
	node->child = NULL;
	node->n = 0;
	if (read_it(m, text) == TAKEN || strstr(text, name) == NULL)
		fail_msg("%s %s: %s as another kind: %s", row->wire, row->side, row->field, text);
	*node = was;
}

/* -- making the messages ------------------------------------------------------------------------- */

static struct yt_msg *asking(struct world *w, const struct sample *sample, bool is_ty)
{
	struct yt_str claim =
	        changed(w, YT_STR(CLAIM), "\"policy_no\"", "\"mode\":\"SYNC\",\"quote_no\":\"Q1\",\"policy_no\"");

	return message(w, sample->op, is_ty ? TY_NUMBER : JH_NUMBER, CLAIM_NOW,
	        json(w, sample->in != NULL ? sample->in : claim.p));
}

static struct yt_str answer(
        struct world *w, struct codec *c, const struct sample *sample, struct yt_msg *msg, bool is_ty)
{
	struct yt_reply *reply = yt_reply_new(w->arena);
	struct yt_buf out = { 0 };
	char text[1000];

	/* Which claim is meant: the one that was asked for. */
	snprintf(text, sizeof(text), sample->out, is_ty ? "{\"IN_LIST\":1}" : "1.00");
	reply->outcome = YT_DONE;
	reply->body = json(w, text);
	if (sample->op == YT_OP_CLAIM_SUBMIT && !is_ty)
		yt_node_set_text(w->arena, yt_node_get(reply->body, "data"), "request_no", YT_STR(JH_NUMBER));
	assert_int_equal(c->api->encode_reply(c->plugin, msg, reply, &out), 0);
	return kept(w, &out);
}

/* What stands in the path of a call has no place in its body. */
static bool is_in_path(const struct row *row)
{
	if (strcmp(row->side, "in") != 0)
		return false;
	if (strcmp(row->wire, "query") == 0 || strcmp(row->wire, "reconciliation") == 0)
		return true;
	return strcmp(row->field, "claimNo") == 0 && strcmp(row->wire, "callback") != 0;
}

static void try_row_of(struct codec *c, struct world *w, const struct row *row, bool is_ty)
{
	const struct sample *sample = samples;
	struct wire m = { .w = w, .c = c, .is_xml = !is_ty, .is_answer = strcmp(row->side, "out") == 0 };
	struct yt_msg *msg;

	while (strcmp(sample->wire, row->wire) != 0)
		sample++;
	msg = asking(w, sample, is_ty);
	m.octets = msg->sent = encoded(w, c, msg);
	if (m.is_answer) {
		msg = decoded(w, c, msg->sent, "");
		msg->sent = m.octets;
		m.asked = msg;
		m.octets = answer(w, c, sample, msg, is_ty);
	}
	take_tree(&m);
	try_group(&m, row);
	try_row(&m, row);
}

static unsigned try_file(const char *path, struct codec *c, struct world *w, bool is_ty)
{
	FILE *file = fopen(path, "r");
	char line[1000], *column[12], *rest;
	unsigned n = 0;

	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file)); /* the heading */
	while (fgets(line, sizeof(line), file) != NULL) {
		struct row row;
		size_t i = 0;

		for (rest = line; i < 12 && (column[i] = strsep(&rest, "\t")) != NULL;)
			i++;
		if (i < 12)
			continue; /* the same rows as another message */
		snprintf(row.wire, sizeof(row.wire), "%s", column[0]);
		snprintf(row.side, sizeof(row.side), "%s", column[1]);
		snprintf(row.node, sizeof(row.node), "%s", column[2]);
		snprintf(row.field, sizeof(row.field), "%s", column[5]);
		row.type = column[6][0];
		row.max = (unsigned)strtoul(column[7], NULL, 10);
		row.must = column[8][0];
		row.has_codes = strcmp(column[10], "-") != 0 && strstr(column[10], "*=*") == NULL;
		if (!is_in_path(&row))
			try_row_of(c, w, &row, is_ty);
		yt_arena_reset(w->arena);
		n++;
	}
	fclose(file);
	return n;
}

/* -- against the facts --------------------------------------------------------------------------- */

/* What the description calls a member, "insured.certNo" or "AUTH/AUTH_NO", in the rows of one message. */
static bool is_in_rows(const char *file, const char *wire, const char *name, const char *type, const char *must)
{
	FILE *rows = fopen(file, "r");
	char line[1000], full[120], *column[12], *rest;
	bool found = false;

	assert_non_null(rows);
	while (!found && fgets(line, sizeof(line), rows) != NULL) {
		size_t i = 0, n;

		for (rest = line; i < 12 && (column[i] = strsep(&rest, "\t")) != NULL;)
			i++;
		if (i < 12 || strcmp(column[0], wire) != 0 || strcmp(column[1], "in") != 0)
			continue;
		column[2] += strncmp(column[2], "DRUG_LIST.", 10) == 0 ? 10 : 0; /* the three lists are said once */
		n = strcspn(column[2], "[?");
		snprintf(full, sizeof(full), "%.*s%s%s", strcmp(column[2], "-") == 0 ? 0 : (int)n, column[2],
		        strcmp(column[2], "-") == 0 ? "" : ".", column[5]);
		if (strcmp(full, name) != 0)
			continue;
		/* Of rows that may be none the description speaks as a whole. */
		found = strchr(column[2], '[') != NULL || (must[0] == 'M') == (strchr("MZ", column[8][0]) != NULL);
		if (strchr("SCZ", type[0]) != NULL && type[1] != '\0')
			found = found && strcmp(column[7], type + 1) == 0 && strchr("SZEN", column[6][0]) != NULL;
		else if (strcmp(type, "array") == 0)
			found = found && column[6][0] == 'L';
		else if (type[0] == 'N')
			found = found && (strcmp(column[7], type + 1) == 0 || strcmp(type, "N8") == 0 ||
			                         strcmp(type, "N14") == 0);
		else
			found = found && (column[6][0] == type[0] || (type[0] == 'Q' && column[6][0] == 'F'));
	}
	fclose(rows);
	return found;
}

/* One line of a table: "| visit.admitDate, .dischargeDate | D | M | ... |". */
static unsigned try_fact(char *line, const char *file, const char *wire)
{
	char *rest = line + 1, *names = strsep(&rest, "|"), *types = strsep(&rest, "|"), *must = strsep(&rest, "|");
	char *name, *type = NULL, group[40] = "", full[120], last[16] = "";
	unsigned n = 0;

	if (must == NULL)
		return 0;
	must += strspn(must, " ");
	while ((name = strsep(&names, ",")) != NULL) {
		if (types != NULL && (type = strsep(&types, ",")) != NULL) {
			type += strspn(type, " ");
			snprintf(last, sizeof(last), "%.*s", (int)strcspn(type, " "), type);
		}
		name += strspn(name, " ");
		name[strcspn(name, " ")] = '\0';
		for (char *c = name; *c != '\0'; c++)
			*c = *c == '/' ? '.' : *c;
		if (strchr(name, '.') != NULL && name[0] != '.')
			snprintf(group, sizeof(group), "%.*s", (int)(strrchr(name, '.') - name), name);
		group[strcspn(group, "[")] = '\0';
		name = strrchr(name, '.') != NULL ? strrchr(name, '.') + 1 : name;
		snprintf(full, sizeof(full), "%s%s%s", group, *group != '\0' ? "." : "", name);
		if (!is_in_rows(file, wire, full, last, must))
			fail_msg("%s: %s %s %.1s is not in the rows so", wire, full, last, must);
		n++;
	}
	return n;
}

/* The tables of a claim in the shared facts, against our rows: names, types, lengths, what must be there. */
static void the_facts_are_in_the_rows(void **state)
{
	static const struct {
		const char *begins, *file, *wire, *until;
		unsigned least;
	} tables[] = {
		{ "**POST /ins/v1/claims**", YT_SOURCE_DIR "/plugins/tianyi/fields.tsv", "claims", "Answer 202", 60 },
		{ "**JH2001 BODY**", YT_SOURCE_DIR "/plugins/jinhui/fields.tsv", "JH2001", "Differences that", 45 },
	};
	FILE *facts = fopen(YT_SOURCE_DIR "/../shared/formats/insurer.md", "r");
	unsigned n[2] = { 0, 0 }, at = 2;
	char line[2000];

	(void)state;
	if (facts == NULL) {
		print_message("no ../shared/formats/insurer.md\n");
		skip();
	}
	while (fgets(line, sizeof(line), facts) != NULL) {
		for (unsigned i = 0; i < 2; i++)
			at = strncmp(line, tables[i].begins, strlen(tables[i].begins)) == 0 ? i : at;
		if (at < 2 && strncmp(line, tables[at].until, strlen(tables[at].until)) == 0)
			at = 2;
		if (at == 2 || line[0] != '|' || strstr(line, "---") != NULL || strstr(line, "| type |") != NULL ||
		        strstr(line, "ITEM |") != NULL || strstr(line, "MED_TYPE, DEPT") != NULL)
			continue; /* headings; what says its rows in words */
		if (strstr(line, "OUTPATIENT_SPECIAL") != NULL)
			continue; /* S16, but this word has 18 characters */
		n[at] += try_fact(line, tables[at].file, tables[at].wire);
	}
	fclose(facts);
	for (unsigned i = 0; i < 2; i++)
		assert_true(n[i] >= tables[i].least);
}

static void every_row_of_tianyi(void **state)
{
	static const char *const settings[] = { "app_id", "gw330299", "key", "mac", "field_key", "field", "version",
		"1.1", "allowed", "*", NULL };
	struct world w = world_open();
	struct codec c = open_codec(&w, YT_PLUGIN_DIR "/tianyi.so", settings);

	(void)state;
	assert_true(try_file(YT_SOURCE_DIR "/plugins/tianyi/fields.tsv", &c, &w, true) > 250);
	plugin_unload(c.plugin);
	world_close(&w);
}

static void every_row_of_jinhui(void **state)
{
	static const char *const settings[] = { "partner", "GW330799", "sign_key", "ours", "verify_key", "ours",
		"allowed", "*", NULL };
	struct world w = world_open();
	struct codec c;

	(void)state;
	make_sm2(&w, "ours");
	c = open_codec(&w, YT_PLUGIN_DIR "/jinhui.so", settings);
	assert_true(try_file(YT_SOURCE_DIR "/plugins/jinhui/fields.tsv", &c, &w, false) > 120);
	plugin_unload(c.plugin);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_tianyi),
		cmocka_unit_test(every_row_of_jinhui),
		cmocka_unit_test(the_facts_are_in_the_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
