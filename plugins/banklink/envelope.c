/* plugins/banklink/envelope.c - <BDL> with <Head>, <Body> and <Sign> (bank.md 5.2).
 *
 * The signature is over the octets from <Head> to </Body> as they stand, cut out before anything is parsed: < is no
 * part of a GB18030 character.  Both tags stand there once, so what is verified is what is read. */
#include <stdio.h>
#include <string.h>

#include "bdl.h"

static const char declaration[] = "<?xml version=\"1.0\" encoding=\"GB18030\"?>";

/* -- reading -------------------------------------------------------------------------------------- */

/* Where a tag stands, if it stands there once. */
static const char *only(struct yt_str octets, const char *tag)
{
	size_t n = strlen(tag);
	const char *at = memmem(octets.p, octets.n, tag, n);

	if (at == NULL || memmem(at + 1, octets.n - (size_t)(at + 1 - octets.p), tag, n) != NULL)
		return NULL;
	return at;
}

static int cut_signed(struct yt_str octets, struct bdl_envelope *e, struct yt_fault *fault)
{
	const char *head = only(octets, "<Head>"), *end = only(octets, "</Body>");
	const char *body = only(octets, "<Body>");

	if (head == NULL || body == NULL || end == NULL || head > body || body > end)
		return bank_refuse(fault, "BDL", "", "does not have one Head and one Body without attributes");
	e->signed_ = (struct yt_str){ head, (size_t)(end + 7 - head) };
	e->raw_body = (struct yt_str){ body, (size_t)(end + 7 - body) };
	return 0;
}

static const struct yt_node *next_of(const struct yt_node *node, const char *name)
{
	return node != NULL && yt_str_is(node->name, name) ? node : NULL;
}

static int find_parts(struct bdl_envelope *e, const struct yt_node **head, struct yt_fault *fault)
{
	const struct yt_node *root = e->xml.root, *sign;

	*head = next_of(root->child, "Head");
	e->body = *head != NULL ? next_of((*head)->next, "Body") : NULL;
	sign = e->body != NULL ? next_of(e->body->next, "Sign") : NULL;
	if (!yt_str_is(root->name, "BDL") || sign == NULL || sign->next != NULL || sign->kind != YT_TEXT || sign->n > 0)
		return bank_refuse(fault, "BDL", "", "is not Head, Body and Sign, and nothing else");
	e->sign = sign->text;
	return 0;
}

/* As much of a head as can be had, so that a refusal can name what it is about. */
static void guess_head(struct yt_arena *arena, struct bdl_envelope *e, const struct yt_node *head)
{
	struct yt_str seq = yt_node_text(head, "ReqSeqNo"), code = yt_node_text(head, "TxCode");

	if (bank_is_ascii(seq, 1, 20))
		(void)bdl_put(arena, e->head, "msg_no", seq);
	if (bank_is_ascii(code, 6, 6))
		(void)bdl_put(arena, e->head, "tx_code", code);
}

int bdl_read(
        struct yt_arena *arena, struct yt_str octets, bool is_answer, struct bdl_envelope *e, struct yt_fault *fault)
{
	static const struct yt_xml_limits limits = { .octets = BDL_FRAME_MAX, .depth = 8, .attributes = 1 };
	struct yt_xml_error err = { 0 };
	const struct yt_node *head;
	int rv;

	memset(e, 0, sizeof(*e));
	e->head = yt_node_new(arena, YT_OBJECT);
	if (e->head == NULL)
		return YT_ENOMEM;
	if (octets.n == 0)
		return bank_refuse(fault, "(message)", "", "is empty");
	rv = yt_xml_read(arena, octets, &limits, &e->xml, &err);
	if (rv == YT_ENOMEM)
		return rv;
	if (rv != 0) {
		bank_refuse(fault, err.path[0] != '\0' ? err.path : "(message)", "", "");
		snprintf(fault->why, sizeof(fault->why), "cannot be read: line %u column %u: %s", err.line, err.column,
		        err.why != NULL ? err.why : "");
		return rv;
	}
	if (!e->xml.is_declared || e->xml.charset != YT_GB18030)
		return bank_refuse(fault, "(message)", "", "has no declaration with encoding GB18030");
	if (memmem(octets.p, octets.n, "<!", 2) != NULL)
		return bank_refuse(fault, "(message)", "", "has a comment or CDATA, which the profile has not");
	rv = find_parts(e, &head, fault);
	if (rv == 0)
		rv = cut_signed(octets, e, fault);
	if (rv != 0)
		return rv;
	rv = bdl_read_rows(arena, bdl_group(YT_STR("head"), is_answer ? "out" : "in"), head, e->head, "Head", fault);
	if (rv == YT_EFORMAT)
		guess_head(arena, e, head);
	if (rv == 0 && !yt_str_is(yt_node_text(e->head, "version"), "1.0"))
		rv = bank_refuse(fault, "Head.Ver", "", "is another version than 1.0");
	return rv;
}

int bdl_verify(struct yt_plugin *self, const struct bdl_envelope *e, struct yt_str owner, int64_t now_ms,
        struct yt_fault *fault)
{
	const struct yt_piece piece = YT_PIECE(e->signed_);
	const struct bdl *b = yt_plugin_ctx(self);
	struct yt_buf octets = { 0 };
	struct yt_key key;
	int rv;

	if (!b->signs)
		return 0;
	rv = yt_key_find(self, owner, yt_node_text(e->head, "cert_sn"), YT_KEY_SM2_PUBLIC, now_ms, &key);
	if (rv != 0) {
		bank_refuse(fault, "Head.CertSn", "",
		        rv == YT_ESTATE ? "is a key that is not valid now" : "is no key of this sender that we have");
		return rv == YT_ENOMEM ? rv : YT_EDENIED;
	}
	rv = yt_base64_read(e->sign, &octets);
	if (rv == 0)
		rv = octets.n != 64 ? YT_EFORMAT : yt_key_sm2_verify(self, key.name, NULL, &piece, 1, octets.p);
	yt_buf_free(&octets);
	if (rv == 0 || rv == YT_ENOMEM)
		return rv;
	bank_refuse(fault, "Sign", "", "is not the sender's signature over Head and Body");
	return YT_EDENIED;
}

/* -- writing -------------------------------------------------------------------------------------- */

static void write_list(struct yt_xml_writer *w, const struct bdl_writing *what, struct yt_arena *arena, int *rv,
        struct yt_fault *fault)
{
	char path[64];
	unsigned i = 0;

	for (const struct yt_node *row = what->list != NULL ? what->list->child : NULL; row != NULL && *rv == 0;
	        row = row->next) {
		snprintf(path, sizeof(path), "output.%s[%u]", what->row_name, i++);
		yt_xml_start(w, what->row_name);
		*rv = bdl_write_rows(w, what->row_group, row, path, arena, fault);
		yt_xml_end(w);
	}
}

static int write_parts(
        struct yt_xml_writer *w, const struct bdl_writing *what, struct yt_arena *arena, struct yt_fault *fault)
{
	const struct bdl_group *head = bdl_group(YT_STR("head"), what->is_answer ? "out" : "in");
	int rv;

	yt_xml_start(w, "Head");
	rv = bdl_write_rows(w, head, what->head, "head", arena, fault);
	yt_xml_end(w);
	yt_xml_start(w, "Body");
	if (rv == 0 && what->group != NULL)
		rv = bdl_write_rows(
		        w, what->group, what->values, what->is_answer ? "output.data" : "input.data", arena, fault);
	write_list(w, what, arena, &rv, fault);
	yt_xml_end(w);
	return rv;
}

/* Head and Body as octets, of which the signature is made. */
static int sign(struct yt_plugin *self, struct yt_str key, struct yt_str octets, struct yt_buf *out)
{
	const struct yt_piece piece = YT_PIECE(octets);
	uint8_t signature[64];
	int rv = key.n == 0 ? 0 : yt_key_sm2_sign(self, key, NULL, &piece, 1, signature);

	yt_buf_text(out, "<Sign>");
	if (rv == 0 && key.n > 0)
		yt_base64_add(out, signature, sizeof(signature));
	yt_buf_text(out, "</Sign></BDL>");
	return rv;
}

static int own_key(struct yt_plugin *self, int64_t now_ms, struct yt_key *key, struct yt_fault *fault)
{
	const struct bdl *b = yt_plugin_ctx(self);
	int rv;

	*key = (struct yt_key){ .id = YT_STR("NONE") };
	if (!b->signs)
		return 0;
	rv = yt_key_find(self, b->corp_no, (struct yt_str){ "", 0 }, YT_KEY_SM2_PRIVATE, now_ms, key);
	if (rv == 0 || rv == YT_ENOMEM)
		return rv;
	bank_refuse(fault, "head.cert_sn", "", "cannot be filled: no valid SM2 key of ours, owner = setting corp_no");
	return YT_ENOTFOUND;
}

int bdl_write(struct yt_plugin *self, const struct bdl_writing *what, struct yt_buf *out, struct yt_fault *fault)
{
	struct yt_arena *arena = yt_arena_new(0); /* of what is written and gone */
	size_t from = out->n, at;
	struct yt_xml_writer w;
	struct yt_xml_error err = { 0 };
	struct yt_key key;
	int rv = arena == NULL ? YT_ENOMEM : own_key(self, what->now_ms, &key, fault);

	if (rv == 0)
		rv = bdl_put(arena, what->head, "cert_sn", key.id);
	if (rv != 0) {
		yt_arena_free(arena);
		return rv;
	}
	yt_buf_text(out, declaration);
	yt_buf_text(out, "<BDL>");
	at = out->n;
	yt_xml_begin(&w, out, YT_GB18030);
	rv = write_parts(&w, what, arena, fault);
	if (rv == 0)
		rv = yt_xml_done(&w, &err);
	if (rv == YT_EFORMAT && err.why != NULL)
		bank_refuse(fault, err.path, "", err.why);
	if (rv == 0 && !out->failed && memcmp(out->p + out->n - 7, "<Body/>", 7) == 0) {
		out->n -= 7; /* what is signed ends with </Body>, also of an empty one */
		yt_buf_text(out, "<Body></Body>");
	}
	if (rv == 0 && !out->failed)
		rv = sign(self, key.name, (struct yt_str){ (const char *)out->p + at, out->n - at }, out);
	if (rv == 0 && out->failed)
		rv = YT_ENOMEM;
	if (rv == 0 && out->n - from > BDL_FRAME_MAX) {
		bank_refuse(fault, "(message)", "", "would be larger than 1,048,576 octets");
		rv = YT_ELIMIT;
	}
	if (rv != 0 && out->n > from)
		out->n = from;
	yt_arena_free(arena);
	return rv;
}
