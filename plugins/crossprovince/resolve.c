/* plugins/crossprovince/resolve.c - finding out what an unanswered message did, and undoing it (5.2, 7.6).
 *
 * The engine asks here after an outcome was unknown.  Everything is found by what was sent: its number, time
 * and digest stand in the octets (struct yt_msg.sent), so nothing else has to survive a crash.  P201 and 1301
 * may be sent any number of times, each under a number of its own. */
#include <string.h>

#include "ksbw.h"

static struct yt_str keep(struct yt_arena *arena, struct yt_str s)
{
	return s.n > 0 ? yt_arena_copy(arena, s) : (struct yt_str){ "", 0 };
}

/* A message of ours to the same party about the same areas and institution; NULL: no memory. */
static struct yt_node *begin(struct yt_msg *msg, const struct yt_msg *original, enum yt_operation op, const char *wire)
{
	const struct {
		struct yt_str *to, from;
	} texts[] = {
		{ &msg->institution, original->institution },
		{ &msg->institution_name, original->institution_name },
		{ &msg->treatment_area, original->treatment_area },
		{ &msg->insured_area, original->insured_area },
		{ &msg->operator_id, original->operator_id },
		{ &msg->person, original->person },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		*texts[i].to = keep(msg->arena, texts[i].from);
		if (texts[i].to->p == NULL)
			return NULL;
	}
	msg->op = yt_op(op);
	msg->wire_op = yt_str(wire);
	msg->body = yt_node_new(msg->arena, YT_OBJECT);
	return yt_node_add(msg->arena, msg->body, YT_STR("data"), YT_OBJECT);
}

static int put(struct yt_arena *arena, struct yt_node *data, const char *name, struct yt_str text)
{
	struct yt_str kept = keep(arena, text);

	if (kept.n == 0)
		return kept.p != NULL ? 0 : YT_ENOMEM;
	return data != NULL && yt_node_add_text(arena, data, name, kept) != NULL ? 0 : YT_ENOMEM;
}

/* The areas of the message itself: those that the origin gave may be wider. */
static int take_areas(struct yt_msg *msg, const struct ksbw_head *sent)
{
	msg->treatment_area = keep(msg->arena, sent->treatment_area);
	msg->insured_area = keep(msg->arena, sent->insured_area);
	return msg->treatment_area.p != NULL && msg->insured_area.p != NULL ? 0 : YT_ENOMEM;
}

/* A message is known by its sender: of what was only passed on nobody knows anything under our name, and would say
 * "never seen" of what stands. */
static bool is_ours(struct yt_plugin *self, const struct ksbw_head *sent)
{
	const struct ksbw *k = yt_plugin_ctx(self);

	return yt_str_eq(sent->sender, k->area);
}

int ksbw_query_for(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *query)
{
	struct ksbw_head sent;
	struct yt_node *data;
	int rv;

	if (!ksbw_sent(self, query->arena, original, &sent, NULL))
		return YT_ENOTFOUND;
	if (sent.digest.n == 0 || !is_ours(self, &sent))
		return YT_ENOTFOUND; /* passed on; or the head was made again: what was sent is not known */
	data = begin(query, original, YT_OP_OUTCOME_QUERY, "P201");
	rv = data == NULL ? YT_ENOMEM : take_areas(query, &sent);
	if (rv == 0)
		rv = put(query->arena, data, "otransno", sent.transno);
	if (rv == 0)
		rv = put(query->arena, data, "otransid", sent.transid);
	return rv == 0 ? put(query->arena, data, "odigest", sent.digest) : rv;
}

int ksbw_reversal_of(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *reversal)
{
	static const char *const may[] = { "0212", "0304", "0305" };
	struct ksbw_head sent;
	struct yt_node *data;
	bool is_one = false;
	int rv;

	if (!ksbw_sent(self, reversal->arena, original, &sent, NULL) || !is_ours(self, &sent))
		return YT_ENOTFOUND;
	for (size_t i = 0; i < sizeof(may) / sizeof(may[0]); i++)
		is_one = is_one || yt_str_is(sent.transno, may[i]);
	if (!is_one)
		return YT_ENOTFOUND;
	data = begin(reversal, original, YT_OP_REVERSE, "1301");
	rv = data == NULL ? YT_ENOMEM : take_areas(reversal, &sent);
	reversal->original_number = keep(reversal->arena, sent.transid);
	reversal->original_wire_op = keep(reversal->arena, sent.transno);
	if (rv == 0)
		rv = put(reversal->arena, data, "otransno", sent.transno);
	if (rv == 0)
		rv = put(reversal->arena, data, "otransid", sent.transid);
	if (rv == 0)
		rv = put(reversal->arena, data, "osendtime", sent.sendtime);
	if (rv == 0)
		rv = put(reversal->arena, data, "reason", YT_STR("T"));
	return rv;
}

/* -- judging ------------------------------------------------------------------------------------ */

/* The stored <result> has no document around it: its charset shows. */
static int read_stored(struct yt_arena *arena, struct yt_str octets, struct yt_node **result)
{
	return ksbw_read_fragment(arena, octets, yt_utf8_check(octets, NULL) == 0 ? YT_UTF8 : YT_GB18030, result);
}

static bool digest_fits(struct yt_str octets, struct yt_str digest)
{
	uint8_t is[32], wanted[32];

	yt_sm3(octets, is);
	return digest.n == 64 && yt_hex_read(digest, wanted, sizeof(wanted)) == 0 &&
	       memcmp(is, wanted, sizeof(is)) == 0;
}

static enum yt_judgement adopt(
        struct yt_plugin *self, const struct yt_msg *original, const struct yt_node *data, struct yt_reply *adopted)
{
	struct yt_buf octets = { 0 };
	struct yt_node *result = NULL, *asked;
	struct ksbw_head sent;
	int rv = yt_base64_read(yt_node_text(data, "oresult"), &octets);
	struct yt_str kept = rv == 0 ? yt_arena_copy(adopted->arena, yt_buf_view(&octets)) : (struct yt_str){ NULL, 0 };

	yt_buf_free(&octets);
	if (kept.n == 0 || !digest_fits(kept, yt_node_text(data, "oresdigest")) ||
	        read_stored(adopted->arena, kept, &result) != 0 || !yt_str_is(result->name, "result") ||
	        !ksbw_sent(self, adopted->arena, original, &sent, &asked))
		return YT_UNSURE;
	rv = ksbw_take_result(self, original, sent.transno, result, true, asked, adopted);
	return rv == 0 && adopted->outcome != YT_UNKNOWN ? YT_FOUND : YT_UNSURE;
}

static enum yt_judgement failed(struct yt_reply *adopted, struct yt_str code, const char *text)
{
	enum ksbw_class class = ksbw_class_of(code);

	if (class != KSBW_F && class != KSBW_R)
		return YT_UNSURE;
	adopted->outcome = YT_REFUSED;
	adopted->code = code;
	adopted->text = yt_str(text);
	adopted->may_retry = class == KSBW_R;
	return YT_FOUND;
}

enum yt_judgement ksbw_judge(
        struct yt_plugin *self, const struct yt_msg *original, const struct yt_reply *answer, struct yt_reply *adopted)
{
	const struct yt_node *data = ksbw_object(answer->body, "data");
	struct yt_str state = yt_node_text(data, "ostate");

	if (answer->outcome != YT_DONE || state.n != 1)
		return YT_UNSURE;
	switch (state.p[0]) {
	case '0': /* never seen, and will not be executed any more */
		return YT_ABSENT;
	case '2':
		return adopt(self, original, data, adopted);
	case '3':
		return failed(adopted, yt_node_text(data, "oerrorcode"), "参保地已拒绝，未记账");
	case '4':
		return failed(adopted, YT_STR("-3006"), "该交易已冲正");
	default: /* in work, or not expired yet */
		return YT_UNSURE;
	}
}
