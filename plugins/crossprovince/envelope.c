/* plugins/crossprovince/envelope.c - <head>, digest and signature (7.2, 7.3).
 *
 * Reading keeps the order of 7.3: size, well-formed, head, then (ksbw_verify) key, signature, digest.  The
 * digest is over the octets as they came, of the very element that is then read as business part: what
 * is verified is what is used.  The document has one head and one body and nothing else, so nothing signed
 * can be wrapped into something unsigned. */
#include <stdio.h>
#include <string.h>

#include "ksbw.h"

static const struct {
	struct yt_str name;
	size_t at; /* in struct ksbw_head */
	bool optional;
	uint8_t type;
} members[] = {
#define MEMBER(name, member, optional, type)                                                                           \
	{                                                                                                              \
		{ name, sizeof(name) - 1 }, offsetof(struct ksbw_head, member), optional, type                         \
	}
	MEMBER("transno", transno, false, KSBW_TransNo),
	MEMBER("msgtype", msgtype, false, KSBW_Enum),
	MEMBER("transid", transid, false, KSBW_TransId),
	MEMBER("reftransid", reftransid, true, KSBW_TransId),
	MEMBER("sender", sender, false, KSBW_Area),
	MEMBER("recver", recver, false, KSBW_Area),
	MEMBER("aab299", treatment_area, false, KSBW_Area),
	MEMBER("aab301", insured_area, false, KSBW_Area),
	MEMBER("sendtime", sendtime, false, KSBW_T14),
	MEMBER("expire", expire, false, KSBW_Int),
	MEMBER("keyid", keyid, false, KSBW_C20),
	MEMBER("digest", digest, false, KSBW_Hex64),
	MEMBER("sign", sign, false, KSBW_B64),
#undef MEMBER
};
#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

static struct yt_str *member_of(struct ksbw_head *head, size_t i)
{
	return (struct yt_str *)((char *)head + members[i].at);
}

int ksbw_refuse(struct yt_fault *fault, int error, const char *path, const char *why)
{
	snprintf(fault->path, sizeof(fault->path), "%s", path);
	snprintf(fault->why, sizeof(fault->why), "%s", why);
	return error;
}

static int refuse(struct ksbw_trouble *t, const char *code, int error, const char *path, const char *why)
{
	t->code = code;
	return ksbw_refuse(t->fault, error, path, why);
}

static int refuse_head(struct ksbw_trouble *t, const char *name, const char *why)
{
	char path[96];

	snprintf(path, sizeof(path), "head.%.64s", name);
	return refuse(t, "-1002", YT_EFORMAT, path, why);
}

/* -- reading ------------------------------------------------------------------------------------ */

static bool is_named(const struct yt_node *node, const char *name)
{
	return node != NULL && yt_str_is(node->name, name);
}

static int check_member(struct ksbw_trouble *t, size_t i, struct yt_str text)
{
	struct ksbw_field field = { .type = members[i].type, .codes = "Q,A,N,K" };
	struct ksbw_value value;
	const char *why = ksbw_from_wire(NULL, &field, text, &value);

	return why != NULL ? refuse_head(t, members[i].name.p, why) : 0;
}

static int take_member(struct ksbw_trouble *t, struct ksbw_head *head, size_t i, struct yt_node **node)
{
	if (!is_named(*node, members[i].name.p))
		return members[i].optional
		               ? 0
		               : refuse_head(t, members[i].name.p, "is missing or stands in the wrong place");
	if ((*node)->kind != YT_TEXT || (*node)->n > 0)
		return refuse_head(t, members[i].name.p, "must be a text without elements or attributes");
	*member_of(head, i) = (*node)->text;
	*node = (*node)->next;
	return check_member(t, i, member_of(head, i)->p != NULL ? *member_of(head, i) : YT_STR(""));
}

/* What the types cannot say: how the members fit each other. */
static int check_head(struct ksbw_trouble *t, struct ksbw_head *head)
{
	char type = head->msgtype.p[0];
	int64_t ms;

	if ((type == 'A' || type == 'K') && head->reftransid.n == 0)
		return refuse_head(t, "reftransid", "is missing: an answer names what it answers");
	if ((type == 'Q' || type == 'N') && head->reftransid.n > 0)
		return refuse_head(t, "reftransid", "stands in no request");
	if (memcmp(head->transid.p, head->sender.p, 6) != 0)
		return refuse_head(t, "transid", "does not begin with the sender's area");
	if (yt_time_parse(head->sendtime, &head->sent_ms) != 0)
		return refuse_head(t, "sendtime", "is not a time of 14 digits");
	if (yt_time_parse((struct yt_str){ head->transid.p + 6, 14 }, &ms) != 0)
		return refuse_head(t, "transid", "has no time behind the sender's area");
	head->expire_s = 0;
	for (size_t i = 0; i < head->expire.n; i++)
		head->expire_s = head->expire_s * 10 + (head->expire.p[i] - '0');
	if (head->expire_s < 1 || head->expire_s > 3600)
		return refuse_head(t, "expire", "is not a number of seconds from 1 to 3600");
	if (head->sign.n != 88 || memcmp(head->sign.p + 86, "==", 2) != 0)
		return refuse_head(t, "sign", "is not a signature of 88 base64 characters");
	return 0;
}

static int read_head(struct ksbw_trouble *t, struct ksbw_head *head, const struct yt_node *node)
{
	struct yt_node *at = node->child;
	int rv = 0;

	if (node->kind != YT_OBJECT)
		return refuse_head(t, "transno", "is missing");
	for (size_t i = 0; i < N_MEMBERS && rv == 0; i++)
		rv = take_member(t, head, i, &at);
	if (rv == 0 && at != NULL) {
		char name[65];

		snprintf(name, sizeof(name), "%.*s", (int)(at->name.n < 64 ? at->name.n : 64), at->name.p);
		rv = refuse_head(t, name, "is more than a head has");
	}
	return rv != 0 ? rv : check_head(t, head);
}

/* Whatever members can be had, so that a refusal can name the message it is about. */
static void guess_head(struct ksbw_head *head, const struct yt_node *node)
{
	for (size_t i = 0; i < N_MEMBERS; i++) {
		struct yt_str text = yt_node_text(node, members[i].name.p);
		struct yt_fault ignored;
		struct ksbw_trouble t = { &ignored, NULL };

		if (text.n > 0 && check_member(&t, i, text) == 0)
			*member_of(head, i) = text;
	}
}

static int read_document(struct ksbw_envelope *e, struct ksbw_trouble *t)
{
	struct yt_node *root = e->xml.root, *head, *body, *at;
	const char *wanted;
	int rv;

	if (!is_named(root, "ksbw") || root->kind != YT_OBJECT)
		return refuse(t, "-1002", YT_EFORMAT, "ksbw", "is not the document's root with elements in it");
	at = root->child;
	if (!is_named(at, "@ver") || !yt_str_is(at->text, "1.0"))
		return refuse(t, "-1002", YT_EFORMAT, "ksbw.@ver", "must be the first attribute and 1.0");
	head = at->next;
	if (!is_named(head, "head"))
		return refuse(t, "-1002", YT_EFORMAT, "head", "must be the first element, and ver the only attribute");
	rv = read_head(t, &e->head, head);
	if (rv != 0) {
		memset(&e->head, 0, sizeof(e->head));
		guess_head(&e->head, head);
		return rv;
	}
	wanted = e->head.msgtype.p[0] == 'Q' || e->head.msgtype.p[0] == 'N' ? "input" : "result";
	body = head->next;
	if (!is_named(body, wanted))
		return refuse(t, "-1002", YT_EFORMAT, wanted, "must be the one element behind head");
	if (body->next != NULL)
		return refuse(t, "-1002", YT_EFORMAT, "ksbw", "has more than one head and one body");
	if (is_named(body->child, "@enc"))
		return refuse(t, "-1002", YT_EFORMAT, wanted, "is encrypted, which profile 1.0 does not have");
	e->body = body;
	e->raw = yt_xml_raw(&e->xml, body);
	return 0;
}

int ksbw_read(struct yt_plugin *self, struct yt_arena *arena, struct yt_str octets, struct ksbw_envelope *e,
        struct ksbw_trouble *t)
{
	static const struct yt_xml_limits limits = { .octets = KSBW_OCTETS_MAX, .depth = 8, .attributes = 2 };
	struct yt_xml_error err = { 0 };
	int rv;

	memset(e, 0, sizeof(*e));
	if (octets.n == 0)
		return refuse(t, "-1001", YT_EFORMAT, "(message)", "is empty");
	rv = yt_xml_read(arena, octets, &limits, &e->xml, &err);
	if (rv == YT_ENOMEM)
		return rv;
	if (rv != 0) {
		refuse(t, "-1001", rv, "(message)", "");
		snprintf(t->fault->why, sizeof(t->fault->why), "cannot be read: line %u column %u: %s", err.line,
		        err.column, err.why != NULL ? err.why : "");
		return rv;
	}
	return read_document(e, t);
}

int ksbw_read_fragment(struct yt_arena *arena, struct yt_str octets, enum yt_charset charset, struct yt_node **element)
{
	static const struct yt_xml_limits limits = { .octets = KSBW_OCTETS_MAX, .depth = 8, .attributes = 2 };
	struct yt_buf document = { 0 };
	struct yt_str kept;
	struct yt_xml xml;
	int rv;

	yt_buf_printf(&document, "<?xml version=\"1.0\" encoding=\"%s\"?>", yt_charset_name(charset));
	yt_buf_str(&document, octets);
	kept = document.failed ? (struct yt_str){ NULL, 0 } : yt_arena_copy(arena, yt_buf_view(&document));
	yt_buf_free(&document);
	if (kept.p == NULL)
		return YT_ENOMEM;
	rv = yt_xml_read(arena, kept, &limits, &xml, NULL);
	if (rv == 0)
		*element = xml.root;
	return rv;
}

/* -- signature ---------------------------------------------------------------------------------- */

int ksbw_string_to_sign(struct yt_buf *out, const struct ksbw_head *h)
{
	yt_buf_printf(out, "1.0|%.*s|%.*s|%.*s|%.*s|%.*s|%.*s|%.*s|%.*s|%.*s|%.*s|%.*s|%.*s", YT_FMT(h->transno),
	        YT_FMT(h->msgtype), YT_FMT(h->transid), YT_FMT(h->reftransid), YT_FMT(h->sender), YT_FMT(h->recver),
	        YT_FMT(h->treatment_area), YT_FMT(h->insured_area), YT_FMT(h->sendtime), YT_FMT(h->expire),
	        YT_FMT(h->keyid), YT_FMT(h->digest));
	return out->failed ? YT_ENOMEM : 0;
}

static int digest_of(struct yt_str octets, struct yt_buf *out)
{
	uint8_t digest[32];

	yt_sm3(octets, digest);
	yt_hex_add(out, digest, sizeof(digest), false);
	return out->failed ? YT_ENOMEM : 0;
}

static int verify_digest(const struct ksbw_envelope *e, struct ksbw_trouble *t)
{
	struct yt_buf digest = { 0 };
	int rv = digest_of(e->raw, &digest);

	if (rv == 0 && !yt_str_eq(yt_buf_view(&digest), e->head.digest))
		rv = refuse(t, "-1003", YT_EDENIED, "head.digest", "is not the SM3 of the body's octets");
	yt_buf_free(&digest);
	return rv;
}

static int verify_signature(struct yt_plugin *self, const struct ksbw_envelope *e, struct yt_str key)
{
	struct yt_buf text = { 0 }, signature = { 0 };
	struct yt_piece piece;
	int rv = yt_base64_read(e->head.sign, &signature);

	if (rv == 0)
		rv = signature.n == 64 ? ksbw_string_to_sign(&text, &e->head) : YT_EFORMAT;
	if (rv == 0) {
		piece = YT_PIECE(yt_buf_view(&text));
		rv = yt_key_sm2_verify(self, key, NULL, &piece, 1, signature.p);
	}
	yt_buf_free(&text);
	yt_buf_free(&signature);
	return rv;
}

int ksbw_verify(struct yt_plugin *self, const struct ksbw_envelope *e, struct ksbw_trouble *t)
{
	const struct ksbw *k = yt_plugin_ctx(self);
	struct yt_key key;
	int rv;

	if (!k->signs)
		return verify_digest(e, t);
	/* A key that was valid when the message was made is one: a stored answer is given for years. */
	rv = yt_key_find(self, e->head.sender, e->head.keyid, YT_KEY_SM2_PUBLIC, e->head.sent_ms, &key);
	if (rv != 0)
		return rv == YT_ENOMEM
		               ? rv
		               : refuse(t, "-1004", YT_EDENIED, "head.keyid",
		                         rv == YT_ESTATE ? "is a key of the sender that was not valid at sendtime"
		                                         : "is no key of this sender that we have");
	rv = verify_signature(self, e, key.name);
	if (rv != 0)
		return rv == YT_ENOMEM ? rv
		                       : refuse(t, "-1004", YT_EDENIED, "head.sign",
		                                 "is not the sender's signature over this head");
	return verify_digest(e, t);
}

static int sign(struct yt_plugin *self, struct ksbw_head *head, struct yt_str key, struct yt_buf *out)
{
	const struct ksbw *k = yt_plugin_ctx(self);
	struct yt_buf text = { 0 };
	struct yt_piece piece;
	uint8_t signature[64] = { 0 };
	int rv = k->signs ? ksbw_string_to_sign(&text, head) : 0;

	if (rv == 0 && k->signs) {
		piece = YT_PIECE(yt_buf_view(&text));
		rv = yt_key_sm2_sign(self, key, NULL, &piece, 1, signature);
	}
	if (rv == 0) {
		yt_base64_add(out, signature, sizeof(signature));
		rv = out->failed ? YT_ENOMEM : 0;
	}
	yt_buf_free(&text);
	return rv;
}

/* -- writing ------------------------------------------------------------------------------------ */

static int write_document(struct ksbw_head *head, struct yt_str body, enum yt_charset charset, struct yt_buf *out)
{
	struct yt_xml_writer w;

	yt_xml_begin(&w, out, charset);
	w.indent = 2;
	yt_xml_declaration(&w);
	yt_xml_start(&w, "ksbw");
	yt_xml_attribute(&w, "ver", YT_STR("1.0"));
	yt_xml_start(&w, "head");
	for (size_t i = 0; i < N_MEMBERS; i++)
		if (member_of(head, i)->n > 0)
			yt_xml_leaf(&w, members[i].name.p, *member_of(head, i));
	yt_xml_end(&w);
	yt_xml_octets(&w, body);
	yt_xml_end(&w);
	return yt_xml_done(&w, NULL);
}

int ksbw_seal(struct yt_plugin *self, struct ksbw_head *head, struct yt_str body, enum yt_charset charset,
        int64_t now_ms, struct yt_buf *out, struct yt_fault *fault)
{
	const struct ksbw *k = yt_plugin_ctx(self);
	struct yt_buf digest = { 0 }, signature = { 0 };
	size_t start = out->n;
	struct yt_key key = { .id = { "NONE", 4 } };
	int rv = 0;

	if (k->signs)
		rv = yt_key_find(self, k->area, (struct yt_str){ "", 0 }, YT_KEY_SM2_PRIVATE, now_ms, &key);
	if (rv != 0)
		return rv == YT_ENOMEM ? rv
		                       : ksbw_refuse(fault, YT_ENOTFOUND, "head.keyid",
		                                 "cannot be filled: no valid SM2 key of ours, owner = setting area");
	head->keyid = key.id;
	rv = digest_of(body, &digest);
	head->digest = yt_buf_view(&digest);
	if (rv == 0)
		rv = sign(self, head, key.name, &signature);
	head->sign = yt_buf_view(&signature);
	if (rv == 0)
		rv = write_document(head, body, charset, out);
	else if (rv != YT_ENOMEM)
		ksbw_refuse(fault, rv, "head.sign", "cannot be made with the key of ours");
	if (rv == 0 && out->n - start > KSBW_OCTETS_MAX)
		rv = ksbw_refuse(fault, YT_ELIMIT, "(message)", "would be larger than 4 MiB");
	if (rv != 0)
		out->n = start; /* nothing half-written is ever sent */
	head->digest = head->sign = (struct yt_str){ NULL, 0 };
	yt_buf_free(&digest);
	yt_buf_free(&signature);
	return rv;
}

/* -- head as a tree ----------------------------------------------------------------------------- */

struct yt_node *ksbw_head_node(struct yt_arena *arena, const struct ksbw_head *head)
{
	struct yt_node *node = yt_node_new(arena, YT_OBJECT);

	for (size_t i = 0; i < N_MEMBERS && node != NULL; i++) {
		struct yt_str text = *member_of((struct ksbw_head *)head, i);

		if (text.n > 0 && yt_node_add_text(arena, node, members[i].name.p, text) == NULL)
			return NULL;
	}
	return node;
}

void ksbw_head_of(const struct yt_node *node, struct ksbw_head *head)
{
	memset(head, 0, sizeof(*head));
	for (size_t i = 0; i < N_MEMBERS; i++)
		*member_of(head, i) = yt_node_text(node, members[i].name.p);
	if (head->sendtime.n == 0 || yt_time_parse(head->sendtime, &head->sent_ms) != 0)
		head->sent_ms = 0;
}

/* A document of ours: its head and body stand where our writer puts them. */
static bool read_own(const struct ksbw *k, struct yt_arena *arena, struct yt_str octets, struct ksbw_envelope *e)
{
	const char *at = memmem(octets.p, octets.n < 256 ? octets.n : 256, "<head>", 6);
	struct yt_fault fault;
	struct ksbw_trouble t = { &fault, NULL };
	struct yt_str rest;
	struct yt_node *head;

	memset(e, 0, sizeof(*e));
	if (at == NULL)
		return false;
	head = ksbw_read_own(arena, (struct yt_str){ at, (size_t)(octets.p + octets.n - at) }, k->charset, &rest);
	if (head == NULL || read_head(&t, &e->head, head) != 0 || !yt_str_eq(e->head.sender, k->area))
		return false;
	e->body = ksbw_read_own(arena, rest, k->charset, NULL);
	return e->body != NULL;
}

static bool read_sent(struct yt_plugin *self, struct yt_arena *arena, struct yt_str octets, struct ksbw_head *head,
        struct yt_node **body)
{
	const struct ksbw_schema *schema;
	struct ksbw_envelope e;
	struct yt_fault fault;
	struct ksbw_trouble t = { &fault, NULL };
	struct yt_str kept = yt_arena_copy(arena, octets); /* what is taken from it may live longer */

	if (kept.p == NULL)
		return false;
	if (!read_own(yt_plugin_ctx(self), arena, kept, &e) && ksbw_read(self, arena, kept, &e, &t) != 0)
		return false;
	*head = e.head;
	schema = ksbw_schema(e.head.transno);
	if (body != NULL && (schema == NULL || ksbw_read_body(yt_plugin_ctx(self), arena, e.body, "input", schema->in,
	                                               schema->n_in, true, body, &fault) != 0))
		*body = NULL;
	return true;
}

bool ksbw_sent(struct yt_plugin *self, struct yt_arena *arena, const struct yt_msg *msg, struct ksbw_head *head,
        struct yt_node **body)
{
	const struct ksbw *k = yt_plugin_ctx(self);
	struct yt_str number = ksbw_number_of(msg);
	struct yt_fault fault;

	if (msg->sent.n > 0 || msg->octets.n > 0)
		return read_sent(self, arena, msg->sent.n > 0 ? msg->sent : msg->octets, head, body);
	if (body != NULL)
		*body = msg->body;
	/* A random serial cannot be made again. */
	return number.n > 0 && (msg->own_number.n > 0 || msg->number.n == 24 || msg->number.n == KSBW_NUMBER_LEN) &&
	       ksbw_make_head(k, msg, number, head, &fault) == 0;
}

void ksbw_number(const struct ksbw *k, int64_t wall_ms, uint64_t serial, char out[KSBW_NUMBER_LEN + 1])
{
	char time[15];

	yt_time_compact(wall_ms, time);
	snprintf(out, KSBW_NUMBER_LEN + 1, "%.6s%.14s%010llu", k->area.p, time,
	        (unsigned long long)(serial % UINT64_C(10000000000)));
}
