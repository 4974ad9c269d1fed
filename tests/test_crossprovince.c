/* tests/test_crossprovince.c - the crossprovince plugin through the loader: what it reads, writes, refuses
 * and proves.
 *
 * Two instances face each other, Zhejiang (treating) and Gansu (insured), with keys made here.  The published
 * examples are read out of the format's facts beside the project; without them those tests are skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <libxml/parser.h>
#include <libxml/xmlschemas.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/core_names.h>

#include "format/keys.h"
#include "format/sm.h"
#include "plugin/loader.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FACTS YT_SOURCE_DIR "/../shared/formats/crossprovince.md"
#define FIELDS YT_SOURCE_DIR "/plugins/crossprovince/fields.tsv"
#define XSD YT_SOURCE_DIR "/docs/xsd/ksbw-0304.xsd"

struct world {
	struct yt_keys *keys;
	struct yt_arena *arena;
	struct yt_fault fault;
	char folder[64];
};

struct codec {
	struct yt_plugin *plugin;
	const struct yt_codec_api *api;
};

/* -- keys --------------------------------------------------------------------------------------- */

static void add_key(struct world *w, const char *name, const char *owner, const char *id, enum yt_key_kind kind,
        const char *line, int64_t to_ms)
{
	struct keys_spec spec = { .name = name, .owner = owner, .id = id, .kind = kind, .from_ms = INT64_MIN, .to_ms = to_ms };
	char file[128], why[256];
	FILE *f;

	snprintf(file, sizeof(file), "%s/%s", w->folder, name);
	spec.file = file;
	f = fopen(file, "w");
	assert_non_null(f);
	fprintf(f, "%s\n", line);
	fclose(f);
	chmod(file, 0600);
	if (keys_add(w->keys, &spec, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	unlink(file);
}

static void make_key(struct world *w, const char *name, const char *owner, const char *id, int64_t to_ms)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	BIGNUM *number = NULL;
	unsigned char octets[32];
	char line[65];

	assert_non_null(key);
	assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
	BN_bn2binpad(number, octets, sizeof(octets));
	for (size_t i = 0; i < sizeof(octets); i++)
		snprintf(line + 2 * i, 3, "%02x", octets[i]);
	BN_free(number);
	EVP_PKEY_free(key);
	add_key(w, name, owner, id, YT_KEY_SM2_PRIVATE, line, to_ms);
}

static struct world world_open(void)
{
	struct world w = { .arena = yt_arena_new(0) };
	char why[256];

	strcpy(w.folder, "/tmp/yt-ksbw-XXXXXX");
	assert_non_null(mkdtemp(w.folder));
	if (keys_open(&w.keys, NULL, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	make_key(&w, "zj", "330000", "330000-TEST", INT64_MAX);
	make_key(&w, "gs", "620000", "620000-TEST", INT64_MAX);
	make_key(&w, "hub", "100000", "100000-TEST", INT64_MAX);
	make_key(&w, "zj-old", "330000", "330000-OLD", 1000);
	return w;
}

static void world_close(struct world *w)
{
	keys_close(w->keys);
	yt_arena_free(w->arena);
	rmdir(w->folder);
}

static struct codec open_with(struct world *w, const char *area, const char *key, const char *value)
{
	struct plugin_setting settings[] = { { "area", area }, { key, value } };
	struct codec c;
	char why[512];

	if (plugin_load(&c.plugin, YT_PLUGIN_DIR "/crossprovince.so", "test", settings, key != NULL ? 2 : 1, w->keys, why,
	            sizeof(why)) != 0)
		fail_msg("%s", why);
	c.api = plugin_api(c.plugin);
	return c;
}

/* -- documents made by hand --------------------------------------------------------------------- */

struct doc {
	const char *transno, *msgtype, *transid, *reftransid, *sender, *recver, *treating, *insured, *sendtime, *expire;
	const char *key; /* name of the key that signs: zj, gs */
	const char *keyid;
	const char *body; /* UTF-8, "<input>...</input>" */
	enum yt_charset charset;
};

static const struct doc request_0304 = { "0304", "Q", "330000202603181015300000000099", "", "330000", "620000", "330200",
	"621000", "20260318101530", "30", "zj", "330000-TEST", NULL, YT_UTF8 };
static const struct doc answer_0304 = { "0304", "A", "620000202603181015310000000042",
	"330000202603181015300000000099", "620000", "330000", "330200", "621000", "20260318101531", "30", "gs",
	"620000-TEST", NULL, YT_UTF8 };

static struct yt_str kept(struct world *w, struct yt_buf *buf)
{
	struct yt_str s = yt_arena_copy(w->arena, yt_buf_view(buf));

	assert_false(buf->failed);
	yt_buf_free(buf);
	return s;
}

static struct yt_str in_charset(struct world *w, struct yt_str text, enum yt_charset charset)
{
	struct yt_buf out = { 0 };

	if (charset == YT_UTF8)
		return text;
	assert_int_equal(yt_utf8_to_gb18030(text, &out, NULL), 0);
	return kept(w, &out);
}

static struct yt_str sm3_hex(struct world *w, struct yt_str octets)
{
	struct yt_buf out = { 0 };
	uint8_t digest[32];

	yt_sm3(octets, digest);
	yt_hex_add(&out, digest, sizeof(digest), false);
	return kept(w, &out);
}

static struct yt_str signature_of(struct world *w, const struct doc *d, struct yt_str digest)
{
	struct yt_str text = yt_arena_printf(w->arena, "1.0|%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%.*s", d->transno, d->msgtype,
	        d->transid, d->reftransid, d->sender, d->recver, d->treating, d->insured, d->sendtime, d->expire, d->keyid,
	        YT_FMT(digest));
	struct yt_piece piece = YT_PIECE(text);
	struct yt_buf out = { 0 };
	uint8_t signature[64];

	assert_int_equal(keys_sm2_sign(w->keys, yt_str(d->key), NULL, &piece, 1, signature), 0);
	yt_base64_add(&out, signature, sizeof(signature));
	return kept(w, &out);
}

static struct yt_str sealed(struct world *w, const struct doc *d)
{
	struct yt_str body = in_charset(w, yt_str(d->body), d->charset), digest = sm3_hex(w, body);
	struct yt_str sign = signature_of(w, d, digest);
	struct yt_buf out = { 0 };

	yt_buf_printf(&out, "<?xml version=\"1.0\" encoding=\"%s\"?>\n<ksbw ver=\"1.0\">\n  <head>\n", yt_charset_name(d->charset));
	yt_buf_printf(&out, "    <transno>%s</transno>\n    <msgtype>%s</msgtype>\n    <transid>%s</transid>\n", d->transno,
	        d->msgtype, d->transid);
	if (d->reftransid[0] != '\0')
		yt_buf_printf(&out, "    <reftransid>%s</reftransid>\n", d->reftransid);
	yt_buf_printf(&out, "    <sender>%s</sender>\n    <recver>%s</recver>\n    <aab299>%s</aab299>\n    <aab301>%s</aab301>\n",
	        d->sender, d->recver, d->treating, d->insured);
	yt_buf_printf(&out, "    <sendtime>%s</sendtime>\n    <expire>%s</expire>\n    <keyid>%s</keyid>\n", d->sendtime, d->expire,
	        d->keyid);
	yt_buf_printf(&out, "    <digest>%.*s</digest>\n    <sign>%.*s</sign>\n  </head>\n  ", YT_FMT(digest), YT_FMT(sign));
	yt_buf_str(&out, body);
	yt_buf_text(&out, "\n</ksbw>\n");
	return kept(w, &out);
}

/* The element of that name with its tags. */
static struct yt_str element(struct yt_str document, const char *name)
{
	char open[64], close[64];
	const char *from, *to;

	snprintf(open, sizeof(open), "<%s>", name);
	snprintf(close, sizeof(close), "</%s>", name);
	from = memmem(document.p, document.n, open, strlen(open));
	assert_non_null(from);
	to = memmem(from, (size_t)(document.p + document.n - from), close, strlen(close));
	assert_non_null(to);
	return (struct yt_str){ from, (size_t)(to - from) + strlen(close) };
}

static struct yt_str text_of(struct yt_str document, const char *name)
{
	struct yt_str e = element(document, name);
	size_t tag = strlen(name) + 2;

	return (struct yt_str){ e.p + tag, e.n - 2 * tag - 1 };
}

static void assert_same(struct yt_str is, struct yt_str want)
{
	if (!yt_str_eq(is, want))
		fail_msg("is\n%.*s\nwants\n%.*s", YT_FMT(is), YT_FMT(want));
}

static void assert_text(struct yt_str is, const char *want)
{
	assert_same(is, yt_str(want));
}

/* text with every occurrence of one part replaced by another. */
static char *replaced(struct world *w, const char *text, const char *part, const char *by)
{
	struct yt_buf out = { 0 };
	const char *at;

	assert_non_null(strstr(text, part));
	for (; (at = strstr(text, part)) != NULL; text = at + strlen(part)) {
		yt_buf_add(&out, text, (size_t)(at - text));
		yt_buf_text(&out, by);
	}
	yt_buf_text(&out, text);
	return (char *)kept(w, &out).p;
}

/* -- both sides --------------------------------------------------------------------------------- */

static int decode(struct world *w, struct codec *c, struct yt_str octets, struct yt_msg **msg)
{
	*msg = yt_msg_new(w->arena);
	memset(&w->fault, 0, sizeof(w->fault));
	return c->api->decode_request(c->plugin, octets, *msg, &w->fault);
}

static struct yt_msg *must_decode(struct world *w, struct codec *c, struct yt_str octets)
{
	struct yt_msg *msg;

	if (decode(w, c, octets, &msg) != 0)
		fail_msg("%s %s", w->fault.path, w->fault.why);
	return msg;
}

static struct yt_str encoded(struct world *w, struct codec *c, const struct yt_msg *msg)
{
	struct yt_buf out = { 0 };

	if (c->api->encode_request(c->plugin, msg, &out, &w->fault) != 0)
		fail_msg("%s %s", w->fault.path, w->fault.why);
	return kept(w, &out);
}

static struct yt_reply *answered(struct world *w, struct codec *c, const struct yt_msg *msg, struct yt_str octets)
{
	struct yt_reply *reply = yt_reply_new(w->arena);

	assert_int_equal(c->api->decode_reply(c->plugin, msg, 200, octets, reply), 0);
	return reply;
}

static struct yt_str encoded_reply(struct world *w, struct codec *c, const struct yt_msg *msg, const struct yt_reply *reply)
{
	struct yt_buf out = { 0 };

	assert_int_equal(c->api->encode_reply(c->plugin, msg, reply, &out), 0);
	return kept(w, &out);
}

static struct yt_node *json(struct world *w, const char *text)
{
	struct yt_json_error err = { 0 };
	struct yt_node *root;

	if (yt_json_read(w->arena, yt_str(text), NULL, &root, &err) != 0)
		fail_msg("test's own JSON: column %u %s", err.column, err.why);
	return root;
}

/* -- the published examples (8) ----------------------------------------------------------------- */

static char *facts;

static bool facts_read(void)
{
	FILE *f = fopen(FACTS, "r");
	long n;

	if (f == NULL) {
		print_message("%s is not here: the published examples are not checked\n", FACTS);
		return false;
	}
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	facts = calloc(1, (size_t)n + 1);
	assert_int_equal(fread(facts, 1, (size_t)n, f), n);
	fclose(f);
	return true;
}

#define NEED_FACTS() \
	do { \
		if (facts == NULL && !facts_read()) \
			skip(); \
	} while (0)

/* The XML block behind a heading. */
static struct yt_str example(const char *heading)
{
	const char *at = strstr(facts, heading), *from, *to;

	assert_non_null(at);
	from = strstr(at, "```xml\n");
	assert_non_null(from);
	from += 7;
	to = strstr(from, "```");
	return (struct yt_str){ from, (size_t)(to - from) };
}

/* The hex behind a row's name in the table of 8.3, or behind a key id in the list of public keys. */
static struct yt_str vector(struct world *w, const char *name)
{
	const char *at = strstr(facts, name);
	size_t n;

	assert_non_null(at);
	at += strlen(name);
	at += strspn(at, " |`=");
	n = strspn(at, "0123456789abcdef");
	return yt_arena_copy(w->arena, (struct yt_str){ at, n });
}

static void add_published_keys(struct world *w)
{
	add_key(w, "zj-a", "330000", "330000-2026A", YT_KEY_SM2_PUBLIC, vector(w, "\n330000-2026A").p, INT64_MAX);
	add_key(w, "gs-a", "620000", "620000-2026A", YT_KEY_SM2_PUBLIC, vector(w, "\n620000-2026A").p, INT64_MAX);
}

static void test_published_messages_are_read(void **state)
{
	NEED_FACTS();
	struct world w = world_open();
	struct codec zj = open_with(&w, "330000", NULL, NULL), gs = open_with(&w, "620000", NULL, NULL);
	struct yt_msg *msg;
	struct yt_reply *reply;
	struct yt_node *setlinfo;
	char why[256];

	add_published_keys(&w);
	msg = must_decode(&w, &gs, example("### 8.1"));
	assert_true(msg->is_authentic);
	assert_int_equal(msg->op->id, YT_OP_INPATIENT_SETTLE);
	assert_text(msg->institution, "H33020300999");
	assert_text(msg->visit, "S6210002603060000123");
	assert_int_equal(msg->amount_fen, 2846357);
	assert_int_equal(msg->expires_ms - msg->sent_ms, 30000);
	assert_text(yt_node_text(yt_node_get(msg->body, "data"), "endtime"), "2026-03-18");
	msg->sent = example("### 8.1");
	reply = answered(&w, &zj, msg, example("### 8.2"));
	if (reply->outcome != YT_DONE)
		fail_msg("%.*s", YT_FMT(reply->text));
	assert_int_equal(reply->breach.n, 0);
	assert_text(reply->settlement, "A6210002603180000456");
	assert_int_equal(reply->fund_fen, 2131463);
	assert_int_equal(reply->cash_fen, 714894);
	setlinfo = yt_node_get(reply->body, "setlinfo");
	assert_text(yt_node_text(setlinfo, "hifmi_pay"), "4386.84"); /* residents' serious disease, by its fund row */
	assert_text(yt_node_text(setlinfo, "hifob_pay"), "0.00");
	assert_null(yt_node_get(setlinfo, "hifmi_hifob_derived"));
	if (yt_money_check(msg->op->reply_money, reply->body, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	plugin_unload(zj.plugin);
	plugin_unload(gs.plugin);
	world_close(&w);
}

/* What a hospital sends as 2304, and what the case's earlier messages brought. */
static struct yt_msg *case_of_8(struct world *w)
{
	struct yt_msg *msg = yt_msg_new(w->arena);

	msg->op = yt_op(YT_OP_INPATIENT_SETTLE);
	msg->wire_op = YT_STR("2304");
	msg->number = YT_STR("H33020300999-ZY26030600731-1");
	msg->own_number = YT_STR("330000202603181015300000000017");
	msg->institution = YT_STR("H33020300999");
	msg->institution_name = YT_STR("宁波甬东示例医院");
	msg->operator_id = YT_STR("收费05");
	msg->treatment_area = YT_STR("330200");
	msg->insured_area = YT_STR("621000");
	msg->time = YT_STR("2026-03-18 10:15:30");
	msg->body = json(w, "{\"data\":{\"psn_no\":\"62100000000000000000876543\",\"mdtrt_id\":\"33020000000001234567\","
		"\"medfee_sumamt\":28463.57,\"invono\":\"NB20260318000731\",\"mid_setl_flag\":\"0\",\"acct_used_flag\":\"0\","
		"\"inscp_scp_amt\":23692,\"preselfpay_amt\":2715.17,\"fulamt_ownpay_amt\":1820.4,\"overlmt_selfpay\":236,"
		"\"dscgTime\":\"2026-03-18\"}}");
	msg->facts = json(w, "{\"ykc700\":\"S6210002603060000123\",\"psn_cert_type\":\"01\",\"certno\":\"621002197203164015\","
		"\"psn_name\":\"苏望川\",\"med_type\":\"21\",\"begntime\":\"2026-03-06 08:30:00\",\"akc018\":\"17204.36\","
		"\"akc232\":\"1530.17\",\"akc233\":\"685.00\",\"akc234\":\"500\",\"akc235\":\"0\",\"akc236\":\"120.00\","
		"\"feecnt\":\"412\",\"feehash\":\"db29cc7e96b5992cec39d2e48c459721eb08bf5daa019261b01f043a033dfe73\","
		"\"pretransid\":\"330000202603181014220000000016\"}");
	return msg;
}

static void test_published_request_is_written(void **state)
{
	static const struct {
		const char *encoding, *digest;
	} rows[] = { { "UTF-8", "request digest, UTF-8" }, { "GB18030", "request digest, same text in GB18030" } };

	NEED_FACTS();
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = world_open();
		struct codec zj = open_with(&w, "330000", "encoding", rows[i].encoding), gs = open_with(&w, "620000", NULL, NULL);
		struct yt_str octets = encoded(&w, &zj, case_of_8(&w));

		if (i == 0)
			assert_same(element(octets, "input"), element(example("### 8.1"), "input"));
		assert_same(text_of(octets, "digest"), vector(&w, rows[i].digest));
		assert_text(text_of(octets, "transid"), "330000202603181015300000000017");
		assert_text(text_of(octets, "recver"), "620000");
		assert_text(text_of(octets, "sendtime"), "20260318101530");
		must_decode(&w, &gs, octets);
		plugin_unload(zj.plugin);
		plugin_unload(gs.plugin);
		world_close(&w);
	}
}

static void test_published_answer_is_written(void **state)
{
	static const struct {
		const char *encoding, *digest;
	} rows[] = { { "UTF-8", "answer digest, UTF-8" }, { "GB18030", "answer digest, same text in GB18030" } };

	NEED_FACTS();
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = world_open();
		struct codec zj = open_with(&w, "330000", NULL, NULL), gs = open_with(&w, "620000", "encoding", rows[i].encoding);
		struct yt_msg *msg;
		struct yt_reply *reply;
		struct yt_str octets;

		add_published_keys(&w);
		msg = must_decode(&w, &gs, example("### 8.1"));
		msg->sent = example("### 8.1");
		reply = answered(&w, &zj, msg, example("### 8.2"));
		reply->own_number = YT_STR("620000202603181015310000000342");
		octets = encoded_reply(&w, &gs, msg, reply);
		if (i == 0)
			assert_same(element(octets, "result"), element(example("### 8.2"), "result"));
		assert_same(text_of(octets, "digest"), vector(&w, rows[i].digest));
		assert_text(text_of(octets, "transid"), "620000202603181015310000000342");
		assert_int_equal(answered(&w, &zj, msg, octets)->outcome, YT_DONE);
		plugin_unload(zj.plugin);
		plugin_unload(gs.plugin);
		world_close(&w);
	}
}

/* -- the schema of 9 ---------------------------------------------------------------------------- */

static int validated(xmlSchema *schema, struct yt_str octets)
{
	xmlDoc *doc = xmlReadMemory(octets.p, (int)octets.n, NULL, NULL, XML_PARSE_NONET);
	xmlSchemaValidCtxt *ctx = xmlSchemaNewValidCtxt(schema);
	int rv = doc != NULL ? xmlSchemaValidateDoc(ctx, doc) : -1;

	xmlSchemaFreeValidCtxt(ctx);
	xmlFreeDoc(doc);
	return rv;
}

/* Both examples in both encodings, what the plugin writes itself, and some that must not pass. */
static void test_schema_of_settlement(void **state)
{
	NEED_FACTS();
	struct world w = world_open();
	struct codec zj = open_with(&w, "330000", "encoding", "GB18030");
	xmlSchemaParserCtxt *parser = xmlSchemaNewParserCtxt(XSD);
	xmlSchema *schema = xmlSchemaParse(parser);
	static const char *const examples[] = { "### 8.1", "### 8.2" };

	assert_non_null(schema);
	for (size_t i = 0; i < COUNT(examples); i++) {
		const char *utf8 = yt_arena_copy(w.arena, example(examples[i])).p;
		struct yt_str gb = yt_str(replaced(&w, utf8, "encoding=\"UTF-8\"", "encoding=\"GB18030\""));

		assert_int_equal(validated(schema, yt_str(utf8)), 0);
		assert_int_equal(validated(schema, in_charset(&w, gb, YT_GB18030)), 0);
		assert_int_not_equal(validated(schema, yt_str(replaced(&w, utf8, "28463.57", "28463.5"))), 0);
		assert_int_not_equal(validated(schema, yt_str(replaced(&w, utf8, "<expire>30", "<expire>3601"))), 0);
		assert_int_not_equal(validated(schema, yt_str(replaced(&w, utf8, "<sender>", "<x/><sender>"))), 0);
	}
	assert_int_equal(validated(schema, encoded(&w, &zj, case_of_8(&w))), 0);
	xmlSchemaFree(schema);
	xmlSchemaFreeParserCtxt(parser);
	plugin_unload(zj.plugin);
	world_close(&w);
}

/* -- every transaction, random ------------------------------------------------------------------ */

struct line {
	char number[8], direction[4], node[32], wire[32], type[12], codes[24];
	unsigned least, most;
};

static struct line lines[1024];
static size_t n_lines;

static void cut(char *line, char *column[10])
{
	for (size_t i = 0; i < 10; i++)
		column[i] = strsep(&line, "\t");
}

static void add_line(const char *number, const char *direction, char *column[10], bool optional)
{
	struct line *l = &lines[n_lines++];
	const char *dots = strstr(column[6], "..");

	assert_true(n_lines < COUNT(lines));
	snprintf(l->number, sizeof(l->number), "%s", number);
	snprintf(l->direction, sizeof(l->direction), "%s", direction);
	snprintf(l->node, sizeof(l->node), "%s", column[2]);
	snprintf(l->wire, sizeof(l->wire), "%s", column[4]);
	snprintf(l->type, sizeof(l->type), "%s", column[5]);
	snprintf(l->codes, sizeof(l->codes), "%s", column[7]);
	l->least = optional ? 0 : (unsigned)atoi(column[6]);
	l->most = dots != NULL ? (unsigned)atoi(dots + 2) : (unsigned)atoi(column[6]);
}

/* The rows once more, by a reader of its own: the plugin's is generated by awk. */
static void lines_read(void)
{
	static char text[512][256];
	char *column[10], *block[10];
	size_t n = 0;
	FILE *f = fopen(FIELDS, "r");

	if (n_lines > 0)
		return;
	assert_non_null(f);
	while (n < COUNT(text) && fgets(text[n], sizeof(text[n]), f) != NULL)
		text[n][strcspn(text[n], "\n")] = '\0', n += text[n][0] != '#';
	fclose(f);
	for (size_t i = 1; i < n; i++) {
		char copy[256], other[256], *name;

		strcpy(copy, text[i]);
		cut(copy, column);
		if (strcmp(column[1], "-") == 0)
			continue;
		if (column[2][0] != '@') {
			add_line(column[0], column[1], column, false);
			continue;
		}
		name = column[2] + 1;
		for (size_t j = 1; j < n; j++) {
			size_t length = strcspn(name, "?");

			strcpy(other, text[j]);
			cut(other, block);
			if (strcmp(block[1], "-") == 0 && strlen(block[0]) == length && strncmp(block[0], name, length) == 0)
				add_line(column[0], column[1], block, name[length] == '?');
		}
	}
}

static uint64_t seed = 88172645463325252u;

static unsigned rnd(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

static void digits(char *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (char)('0' + rnd(10));
	out[n] = '\0';
}

static const char *one_of(const char *list)
{
	static char word[32];
	unsigned n = 1, at;

	for (const char *p = list; *p != '\0'; p++)
		n += *p == ',';
	for (at = rnd(n); at > 0; at--)
		list = strchr(list, ',') + 1;
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(list, ","), list);
	return word;
}

static void random_text(char *out, unsigned most)
{
	static const char *const pieces[] = { "䶮", "㛃", "𠮷", "\xEE\xA0\x9A" /* U+E81A */, "\xEE\x80\x80" /* U+E000 */, "王", "a",
		"9", "-", "&amp;", "&lt;", "·" };
	unsigned n = 1 + rnd(most < 30 ? most : 30);

	out[0] = '\0';
	while (n-- > 0)
		strcat(out, pieces[rnd(COUNT(pieces))]);
}

static void random_amount(char *out, bool negative)
{
	snprintf(out, 40, "%s%u.%02u", negative ? "-" : "", 1 + rnd(1000000), rnd(100));
}

static void random_moment(char *out, bool with_time)
{
	snprintf(out, 40, "20%02u%02u%02u", 20 + rnd(10), 1 + rnd(12), 1 + rnd(28));
	if (with_time)
		sprintf(out + 8, "%02u%02u%02u", rnd(24), rnd(60), rnd(60));
}

static const char *random_code(const char *codes)
{
	return strcmp(codes, "insutype") == 0   ? one_of("310,390,340,391")
	       : strcmp(codes, "med_type") == 0 ? one_of("11,12,13,21,25,41")
	                                        : one_of("01,1,M03900,A,310100,99");
}

/* One value of l's type into out. */
static void random_value(const struct line *l, char *out)
{
	const char *t = l->type;

	out[0] = '\0';
	if (strcmp(l->wire, "aab299") == 0)
		strcpy(out, "330200");
	else if (strcmp(l->wire, "aab301") == 0)
		strcpy(out, "621000");
	else if (strcmp(l->wire, "akb026") == 0)
		strcpy(out, "H33020300999");
	else if (strcmp(t, "Area") == 0)
		digits(out, 6);
	else if (strcmp(t, "D8") == 0 || strcmp(t, "T14") == 0)
		random_moment(out, t[0] == 'T');
	else if (strcmp(t, "Amt") == 0 || strcmp(t, "AmtSum") == 0 || strcmp(t, "NegAmt") == 0)
		random_amount(out, t[0] == 'N');
	else if (strcmp(t, "Qty") == 0 || strcmp(t, "Pric") == 0)
		sprintf(out, "%s%u.%04u", t[0] == 'Q' && rnd(4) == 0 ? "-" : "", 1 + rnd(999), rnd(10000));
	else if (strcmp(t, "Int") == 0 || strcmp(t, "SInt") == 0)
		sprintf(out, "%s%u", t[0] == 'S' ? "-" : "", rnd(100000));
	else if (strcmp(t, "Code") == 0)
		strcpy(out, random_code(l->codes));
	else if (t[0] == 'C')
		random_text(out, (unsigned)atoi(t + 1));
	else if (strcmp(t, "RegNo") == 0 || strcmp(t, "SetlNo") == 0)
		out[0] = t[0] == 'R' ? 'S' : 'A', digits(out + 1, 19);
	else if (strcmp(t, "TransNo") == 0)
		strcpy(out, one_of("0304,0212,P102"));
	else if (strncmp(t, "TransId", 7) == 0)
		digits(out, 30);
	else if (strcmp(t, "YN") == 0)
		strcpy(out, one_of("0,1"));
	else if (strcmp(t, "Hex64") == 0 || strcmp(t, "Hex130") == 0)
		for (int i = 0; i < atoi(t + 3); i++)
			sprintf(out + i, "%x", rnd(16));
	else if (strcmp(t, "Enum") == 0)
		strcpy(out, one_of(l->codes));
	else if (strcmp(t, "Refund") == 0)
		strcpy(out, one_of("1,-1"));
	else if (strcmp(t, "B64") == 0)
		strcpy(out, "PHJlc3VsdC8+");
	else
		fail_msg("no random value of type %s", t);
}

static unsigned how_many(const struct line *l)
{
	unsigned most = l->most > 4 ? 4 : l->most;

	return l->least + rnd(most + 1 - l->least);
}

static void put_row(struct yt_buf *out, const struct line *rows, size_t at)
{
	char value[4096];

	for (size_t i = at + 1; i < n_lines && strcmp(lines[i].node, rows->node) == 0 &&
	        strcmp(lines[i].number, rows->number) == 0 && strcmp(lines[i].direction, rows->direction) == 0; i++)
		for (unsigned k = how_many(&lines[i]); k > 0; k--) {
			random_value(&lines[i], value);
			yt_buf_printf(out, "<%s>%s</%s>", lines[i].wire, value, lines[i].wire);
		}
}

static void put_rows(struct yt_buf *out, size_t at, const char *indent)
{
	const struct line *l = &lines[at];
	const char *slash = strchr(l->wire, '/'), *name = slash != NULL ? slash + 1 : l->wire;
	int wrap = slash != NULL ? (int)(slash - l->wire) : 0;
	unsigned n = how_many(l);

	if (wrap > 0)
		yt_buf_printf(out, "\n%s<%.*s%s>", indent, wrap, l->wire, n > 0 ? "" : "/");
	for (unsigned k = 0; k < n; k++) {
		yt_buf_printf(out, "\n%s%s<%s>", indent, wrap > 0 ? "  " : "", name);
		put_row(out, l, at);
		yt_buf_printf(out, "</%s>", name);
	}
	if (wrap > 0 && n > 0)
		yt_buf_printf(out, "\n%s</%.*s>", indent, wrap, l->wire);
}

/* <input> or the inside of <result>; indented as the plugin does, so that octets can be compared. */
static struct yt_str random_body(struct world *w, const char *number, const char *direction)
{
	bool is_answer = strcmp(direction, "out") == 0;
	const char *indent = is_answer ? "      " : "    ";
	struct yt_buf out = { 0 };
	char value[4096];
	unsigned n_parts = 0;

	yt_buf_text(&out, is_answer ? "<result>\n    <errorcode>0</errorcode>\n    <errormsg>好</errormsg>\n    "
	                              "<dupflag>0</dupflag>" : "<input>");
	for (size_t i = 0; i < n_lines; i++) {
		const struct line *l = &lines[i];
		bool is_cell = strstr(l->node, "[]") != NULL && strcmp(l->type, "Rows") != 0;

		if (strcmp(l->number, number) != 0 || strcmp(l->direction, direction) != 0 || is_cell)
			continue;
		if (n_parts++ == 0 && is_answer)
			yt_buf_text(&out, "\n    <output>");
		if (strcmp(l->type, "Rows") == 0) {
			put_rows(&out, i, indent);
			continue;
		}
		for (unsigned k = how_many(l); k > 0; k--) {
			random_value(l, value);
			yt_buf_printf(&out, "\n%s<%s>%s</%s>", indent, l->wire, value, l->wire);
		}
	}
	if (is_answer && n_parts > 0)
		yt_buf_text(&out, "\n    </output>");
	yt_buf_text(&out, is_answer ? "\n  </result>" : "\n  </input>");
	return kept(w, &out);
}

static const char *const numbers[] = { "P001", "P101", "P102", "0211", "0212", "0213", "0214", "0215", "0216", "0301", "0302",
	"0303", "0304", "0305", "1301", "P201", "P301", "P302" };

static void assert_round_trip(struct world *w, struct codec *zj, struct codec *gs, const char *number, enum yt_charset charset)
{
	struct doc q = request_0304, a = answer_0304;
	struct yt_msg *msg;
	struct yt_reply *reply;
	struct yt_str octets;

	q.transno = a.transno = number;
	if (strcmp(number, "P102") == 0)
		q.msgtype = "N", a.msgtype = "K";
	q.charset = a.charset = charset;
	q.body = random_body(w, number, "in").p;
	a.body = random_body(w, number, "out").p;
	octets = sealed(w, &q);
	if (decode(w, gs, octets, &msg) != 0)
		fail_msg("%s: %s %s\n%s", number, w->fault.path, w->fault.why, q.body);
	assert_text(msg->wire_op, number);
	assert_same(element(encoded(w, zj, msg), "input"), in_charset(w, yt_str(q.body), charset));
	msg->sent = octets;
	reply = answered(w, zj, msg, sealed(w, &a));
	if (reply->outcome != YT_DONE)
		fail_msg("%s: %.*s\n%s", number, YT_FMT(reply->text), a.body);
	assert_same(element(encoded_reply(w, gs, msg, reply), "result"), in_charset(w, yt_str(a.body), charset));
}

static void test_every_transaction_round_trips(void **state)
{
	static const enum yt_charset charsets[] = { YT_UTF8, YT_GB18030 };

	lines_read();
	for (size_t i = 0; i < COUNT(numbers) * COUNT(charsets); i++) {
		struct world w = world_open();
		enum yt_charset charset = charsets[i % 2];
		/* Random amounts add up to nothing. */
		struct plugin_setting settings[] = { { "area", "330000" }, { "encoding", yt_charset_name(charset) }, { "invariants", "" } };
		struct codec zj, gs;
		char why[256];

		assert_int_equal(plugin_load(&zj.plugin, YT_PLUGIN_DIR "/crossprovince.so", "zj", settings, 3, w.keys, why, sizeof(why)), 0);
		settings[0].value = "620000";
		assert_int_equal(plugin_load(&gs.plugin, YT_PLUGIN_DIR "/crossprovince.so", "gs", settings, 3, w.keys, why, sizeof(why)), 0);
		zj.api = plugin_api(zj.plugin);
		gs.api = plugin_api(gs.plugin);
		for (int n = 0; n < 12; n++)
			assert_round_trip(&w, &zj, &gs, numbers[i / 2], charset);
		plugin_unload(zj.plugin);
		plugin_unload(gs.plugin);
		world_close(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_messages_are_read),
		cmocka_unit_test(test_published_request_is_written),
		cmocka_unit_test(test_published_answer_is_written),
		cmocka_unit_test(test_schema_of_settlement),
		cmocka_unit_test(test_every_transaction_round_trips),
	};
	int rv = cmocka_run_group_tests(tests, NULL, NULL);

	free(facts);
	return rv;
}
