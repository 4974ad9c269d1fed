/* plugins/jinhui/envelope.c - HEAD of a JH document, and what protects its BODY (insurer.md 7.2).
 *
 * The digest is over the octets of BODY as they came; only it is signed, so what HEAD says beside it is believed for
 * finding the other half of a conversation, never for business.  That also lets another try have a new TRANS_NO and
 * time around the same BODY (jh_http_request). */
#include <stdio.h>
#include <string.h>

#include "jinhui.h"

#define DECLARATION "<?xml version=\"1.0\" encoding=\"GB18030\"?>"

static const struct {
	const char *name;
	uint16_t max; /* octets in UTF-8, enough for its length in GB18030 */
	bool of_answer;
} members[] = { { "VERSION", 3, false }, { "TRANS_CODE", 6, false }, { "PARTNER_NO", 8, false },
	{ "TRANS_NO", 24, false }, { "TRANS_TIME", 14, false }, { "RES_CODE", 4, true }, { "RES_MSG", 400, true },
	{ "DIGEST", 64, false }, { "SIGN", 120, false } };

static int refuse(struct jh_message *m, struct yt_fault *fault, const char *code, const char *path, const char *why)
{
	m->refusal = code;
	return ins_refuse(fault, "", path, why);
}

/* -- reading ------------------------------------------------------------------------------------- */

static bool has_attribute(const struct yt_node *node)
{
	for (const struct yt_node *c = node->child; c != NULL; c = c->next)
		if ((c->name.n > 0 && c->name.p[0] == '@') || has_attribute(c))
			return true;
	return false;
}

static int take_member(struct jh_message *m, const struct yt_node *head, size_t i, bool is_answer, struct yt_str *out,
        struct yt_fault *fault)
{
	uint32_t times = yt_xml_count(head, members[i].name);
	char path[40];

	snprintf(path, sizeof(path), "HEAD.%s", members[i].name);
	*out = yt_node_text(head, members[i].name);
	if (times > 1)
		return refuse(m, fault, "2001", path, "is there more than once");
	if (out->n == 0 && (is_answer ? strcmp(members[i].name, "RES_MSG") != 0 : !members[i].of_answer))
		return refuse(m, fault, "2001", path, "is missing");
	return out->n > members[i].max ? refuse(m, fault, "2001", path, "is longer than it may be") : 0;
}

static int take_head(struct jh_message *m, const struct yt_node *node, bool is_answer, struct yt_fault *fault)
{
	struct yt_str version;
	struct yt_str *const to[] = { &version, &m->head.code, &m->head.partner, &m->head.number, &m->head.time,
		&m->head.res_code, &m->head.res_msg, &m->head.digest, &m->head.sign };
	int rv = 0;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]) && rv == 0; i++)
		rv = take_member(m, node, i, is_answer, to[i], fault);
	if (rv == 0 && !yt_str_is(version, "2.0"))
		rv = refuse(m, fault, "2001", "HEAD.VERSION", "must be 2.0");
	if (rv == 0 && (m->head.time.n != 14 || yt_time_parse(m->head.time, &m->head.sent_ms) != 0))
		rv = refuse(m, fault, "2001", "HEAD.TRANS_TIME", "must be a time, yyyyMMddHHmmss");
	return rv;
}

int jh_read(struct yt_arena *arena, struct yt_str octets, bool is_answer, struct jh_message *m, struct yt_fault *fault)
{
	/* Depth: JHB, BODY, a list, ITEM, a member.  The longest text is a file of 2 MiB in Base64. */
	static const struct yt_xml_limits limits = {
		.octets = JH_BODY_MAX, .depth = 5, .nodes = 60000, .text = 3u << 20
	};
	struct yt_xml_error err;
	struct yt_node *head;
	struct yt_xml xml;
	int rv;

	memset(m, 0, sizeof(*m));
	rv = yt_xml_read(arena, octets, &limits, &xml, &err);
	if (rv == YT_ENOMEM)
		return rv;
	if (rv != 0) {
		refuse(m, fault, "1001", "(message)", err.why);
		return rv;
	}
	head = yt_node_get(xml.root, "HEAD");
	m->body = yt_node_get(xml.root, "BODY");
	if (xml.charset != YT_GB18030)
		return refuse(m, fault, "1001", "(message)", "is not declared to be in GB18030");
	if (!yt_str_is(xml.root->name, "JHB") || xml.root->n != 2 || head == NULL || head->kind != YT_OBJECT ||
	        m->body == NULL)
		return refuse(m, fault, "1001", "(message)", "must be JHB with one HEAD and one BODY in it");
	if (has_attribute(xml.root))
		return refuse(m, fault, "1001", "(message)",
		        "has an attribute or a namespace, which the profile does not know");
	m->raw = yt_xml_raw(&xml, m->body);
	return take_head(m, head, is_answer, fault);
}

static void digest_of(struct yt_str raw, char out[65])
{
	struct yt_buf hex = { 0 };
	uint8_t digest[32];

	yt_sm3(raw, digest);
	yt_hex_add(&hex, digest, sizeof(digest), false);
	snprintf(out, 65, "%.*s", (int)hex.n, hex.p != NULL ? (const char *)hex.p : "");
	yt_buf_free(&hex);
}

int jh_verify(struct yt_plugin *self, struct jh_message *m, struct yt_str key, struct yt_fault *fault)
{
	const struct yt_piece piece = YT_PIECE(m->head.digest);
	struct yt_buf der = { 0 };
	uint8_t signature[64];
	char digest[65];
	int rv;

	digest_of(m->raw, digest);
	if (!yt_str_is(m->head.digest, digest)) {
		refuse(m, fault, "1002", "HEAD.DIGEST", "is not the SM3 of BODY as it came");
		return YT_EDENIED;
	}
	rv = yt_base64_read(m->head.sign, &der);
	if (rv == 0)
		rv = yt_sm2_from_der(yt_buf_view(&der), signature);
	yt_buf_free(&der);
	if (rv == 0)
		rv = yt_key_sm2_verify(self, key, NULL, &piece, 1, signature);
	if (rv == 0 || rv == YT_ENOMEM)
		return rv;
	refuse(m, fault, "1003", "HEAD.SIGN",
	        rv == YT_ENOTFOUND ? "cannot be checked: there is no such key (setting verify_key)"
	                           : "is not the partner's signature of DIGEST");
	return YT_EDENIED;
}

int jh_explain_signature(struct yt_plugin *self, const struct yt_header *headers, size_t n, struct yt_str octets,
        const struct yt_str *keys, size_t n_keys, int64_t now_ms, struct yt_arena *arena, struct yt_buf *out)
{
	const struct jh *jh = yt_plugin_ctx(self);
	bool is_answer = octets.n > 0 && memmem(octets.p, octets.n, "<RES_CODE>", 10) != NULL;
	struct yt_fault fault = { { 0 }, { 0 } };
	struct jh_message m;
	char digest[65];
	int rv = jh_read(arena, octets, is_answer, &m, &fault);

	(void)headers, (void)n, (void)keys, (void)n_keys, (void)now_ms; /* all of it stands in the document */
	if (rv != 0)
		return rv == YT_ENOMEM ? rv : YT_ENOTFOUND;
	digest_of(m.raw, digest);
	yt_buf_printf(out, "transaction: %.*s\nnumber: %.*s\npartner: %.*s\n", YT_FMT(m.head.code),
	        YT_FMT(m.head.number), YT_FMT(m.head.partner));
	yt_buf_printf(out, "digest given: %.*s\ndigest found: %s over the %zu octets of BODY, tags and all\n",
	        YT_FMT(m.head.digest), digest, m.raw.n);
	if (!yt_str_is(m.head.digest, digest))
		yt_buf_text(out,
		        "slip: BODY was changed after it was signed; a converted charset or other line ends do that\n");
	rv = jh_verify(self, &m, jh->verify_key, &fault);
	if (rv == YT_EDENIED && jh_verify(self, &m, jh->sign_key, &(struct yt_fault){ .path = "" }) == 0) {
		yt_buf_text(out, "verified: yes, with our own key (setting sign_key): it is one of ours\n");
		return out->failed ? YT_ENOMEM : 0;
	}
	if (rv == 0)
		yt_buf_printf(out, "verified: yes, SM2 with SM3 over the digest, key %.*s, user id 1234567812345678\n",
		        YT_FMT(jh->verify_key));
	else
		yt_buf_printf(out, "verified: no: %s %s\n", fault.path, fault.why);
	return out->failed ? YT_ENOMEM : rv == 0 ? 0 : rv == YT_ENOMEM ? rv : YT_EDENIED;
}

/* -- writing ------------------------------------------------------------------------------------- */

static int sign(struct yt_plugin *self, struct yt_str digest, struct yt_buf *out)
{
	const struct jh *jh = yt_plugin_ctx(self);
	const struct yt_piece piece = YT_PIECE(digest);
	struct yt_buf der = { 0 };
	uint8_t signature[64];
	int rv = yt_key_sm2_sign(self, jh->sign_key, NULL, &piece, 1, signature);

	if (rv == 0)
		rv = yt_sm2_to_der(signature, &der);
	if (rv == 0)
		yt_base64_add(out, der.p, der.n);
	yt_buf_free(&der);
	return rv == 0 && out->failed ? YT_ENOMEM : rv;
}

static void put_leaf(struct yt_xml_writer *w, const char *name, struct yt_str text)
{
	if (text.n > 0)
		yt_xml_leaf(w, name, text);
}

static void put_head(struct yt_xml_writer *w, const struct jh_head *head, struct yt_str digest, struct yt_str signature)
{
	yt_xml_start(w, "HEAD");
	yt_xml_leaf(w, "VERSION", YT_STR("2.0"));
	yt_xml_leaf(w, "TRANS_CODE", head->code);
	yt_xml_leaf(w, "PARTNER_NO", head->partner);
	yt_xml_leaf(w, "TRANS_NO", head->number);
	yt_xml_leaf(w, "TRANS_TIME", head->time);
	put_leaf(w, "RES_CODE", head->res_code);
	if (head->res_code.n > 0)
		yt_xml_leaf(w, "RES_MSG", head->res_msg);
	yt_xml_leaf(w, "DIGEST", digest);
	yt_xml_leaf(w, "SIGN", signature);
	yt_xml_end(w);
}

static int refuse_character(const struct yt_xml_error *err, struct yt_fault *fault)
{
	char path[80];

	snprintf(path, sizeof(path), "(%.70s)", err->path);
	return ins_refuse(fault, "", path, "has a character that GB18030 or XML does not have");
}

/* <A></A> for <A/>, as the profile's documents have it.  A > of a text is a reference, and none of the three octets is
 * part of a GB18030 character. */
static void spell_out_empty(const struct yt_buf *in, struct yt_buf *out)
{
	size_t done = 0, name = 0;

	for (size_t i = 0; i < in->n; i++) {
		if (in->p[i] == '<')
			name = i + 1;
		if (in->p[i] != '/' || i + 1 == in->n || in->p[i + 1] != '>')
			continue;
		yt_buf_add(out, in->p + done, i - done);
		yt_buf_text(out, "></");
		yt_buf_add(out, in->p + name, i - name);
		done = i + 1;
	}
	yt_buf_add(out, in->p + done, in->n - done);
}

static int write_body(struct yt_node *body, struct yt_buf *out, struct yt_fault *fault)
{
	struct yt_xml_error err = { 0 };
	struct yt_xml_writer w;
	struct yt_buf octets = { 0 };
	int rv;

	yt_xml_begin(&w, &octets, YT_GB18030);
	yt_xml_node(&w, body);
	rv = yt_xml_done(&w, &err);
	spell_out_empty(&octets, out);
	yt_buf_free(&octets);
	if (rv == 0 && out->failed)
		rv = YT_ENOMEM;
	if (rv != YT_EFORMAT && out->n <= JH_BODY_MAX - 4096)
		return rv;
	if (rv == 0) {
		ins_refuse(fault, "", "(message)", "is larger than 8 MiB: this case must be handed in by hand");
		return YT_ELIMIT;
	}
	return rv == YT_EFORMAT ? refuse_character(&err, fault) : rv;
}

int jh_seal(struct yt_plugin *self, const struct jh_head *head, struct yt_node *body, struct yt_buf *out,
        struct yt_fault *fault)
{
	struct yt_buf octets = { 0 }, signature = { 0 };
	struct yt_xml_error err = { 0 };
	struct yt_xml_writer w;
	char digest[65];
	int rv;

	body->name = YT_STR("BODY");
	rv = write_body(body, &octets, fault);
	if (rv == 0)
		digest_of(yt_buf_view(&octets), digest);
	if (rv == 0)
		rv = sign(self, yt_str(digest), &signature);
	if (rv == YT_ENOTFOUND || rv == YT_ESTATE)
		rv = ins_refuse(fault, "", "(key)", "there is no key that can sign (setting sign_key)");
	if (rv == 0) {
		yt_buf_text(out, DECLARATION);
		yt_xml_begin(&w, out, YT_GB18030);
		yt_xml_start(&w, "JHB");
		put_head(&w, head, yt_str(digest), yt_buf_view(&signature));
		yt_xml_octets(&w, yt_buf_view(&octets));
		yt_xml_end(&w);
		rv = yt_xml_done(&w, &err);
	}
	yt_buf_free(&octets);
	yt_buf_free(&signature);
	return rv == YT_EFORMAT && err.why != NULL ? refuse_character(&err, fault) : rv;
}

/* -- another try --------------------------------------------------------------------------------- */

/* Two characters that no other try is likely to have. */
static void put_try(struct yt_buf *out)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
	uint8_t random[2];

	yt_random(random, sizeof(random));
	yt_buf_byte(out, (uint8_t)digits[random[0] % 32]);
	yt_buf_byte(out, (uint8_t)digits[random[1] % 32]);
}

/* The octets up to the end of a HEAD member's start tag; 0: it is not there. */
static size_t behind_tag(struct yt_str octets, const char *tag)
{
	const char *at = memmem(octets.p, octets.n, tag, strlen(tag));

	return at != NULL ? (size_t)(at - octets.p) + strlen(tag) : 0;
}

/* Each HTTP request has its own TRANS_NO and time, BODY and its signature stay as they were written (7.2, 7.5). */
int jh_http_request(struct yt_plugin *self, struct yt_str octets, struct yt_str base, struct yt_arena *arena,
        int64_t now_ms, struct yt_http *out)
{
	struct yt_str head = { octets.p, octets.n < 600 ? octets.n : 600 };
	size_t number = octets.n > 0 ? behind_tag(head, "<TRANS_NO>") : 0;
	size_t time = octets.n > 0 ? behind_tag(head, "<TRANS_TIME>") : 0;
	struct yt_buf made = { 0 };
	char now[15];

	(void)self;
	if (number == 0 || time < number || time + 14 > head.n)
		return YT_EFORMAT;
	yt_time_compact(now_ms, now);
	yt_buf_add(&made, octets.p, number);
	if (time - number > INS_NUMBER_LEN + 2 && jh_is_number((struct yt_str){ octets.p + number, INS_NUMBER_LEN }) &&
	        octets.p[number + INS_NUMBER_LEN + 2] == '<') {
		yt_buf_add(&made, octets.p + number, INS_NUMBER_LEN);
		put_try(&made);
		number += INS_NUMBER_LEN + 2;
	}
	yt_buf_add(&made, octets.p + number, time - number);
	yt_buf_add(&made, now, 14);
	yt_buf_add(&made, octets.p + time + 14, octets.n - time - 14);
	out->method = YT_STR("POST");
	out->path = base;
	out->status = 0;
	out->n_headers = 0;
	out->body = made.failed ? (struct yt_str){ NULL, 0 } : yt_arena_copy(arena, yt_buf_view(&made));
	yt_buf_free(&made);
	return out->body.p != NULL ? 0 : YT_ENOMEM;
}
