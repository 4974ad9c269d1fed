/* core/journal/record.c - builds and reads the records that everything else in this room is about.
 *
 * A worker's engine builds them, the ring carries them (and is hostile input to the keeper), the log
 * stores them.  rec_read() therefore walks every field once and checks it; a struct rec that it gave
 * can be read without further checks. */
#include "journal/record.h"

#include <string.h>

#include "journal/octets.h"

#define FIELD_HEAD 8 /* tag, zero, len */

static const char *const type_names[] = {
	[REC_ACCEPTED] = "accepted",
	[REC_SENDING] = "sending",
	[REC_OUTCOME] = "outcome",
	[REC_ANSWERED] = "answered",
	[REC_DELIVERED] = "delivered",
	[REC_RESOLVED] = "resolved",
	[REC_REVERSED] = "reversed",
	[REC_PARKED] = "parked",
	[REC_DECIDED] = "decided",
	[REC_DUE] = "due",
	[REC_READ] = "read",
	[REC_REFUSED] = "refused",
	[REC_WORKER] = "worker",
	[REC_NUMBER] = "number",
	[REC_SESSION] = "session",
	[REC_ANCHOR] = "anchor",
	[REC_GENERATION] = "generation",
	[REC_CLOCK] = "clock",
	[REC_JOINED] = "joined",
	[REC_CARRIED] = "carried",
	[REC_GONE] = "gone",
	[REC_AUDIT] = "audit",
	[REC_FACTS] = "facts",
	[REC_LANE] = "lane",
	[REC_NOTICE] = "notice",
	[REC_ROOM] = "room",
};

static const char *const tag_names[] = {
	[REC_T_INSTITUTION] = "institution",
	[REC_T_NUMBER] = "number",
	[REC_T_WIRE_OP] = "wire_op",
	[REC_T_OPERATION] = "operation",
	[REC_T_DIGEST] = "digest",
	[REC_T_BUSINESS_KEY] = "business_key",
	[REC_T_PARTY] = "party",
	[REC_T_VISIT] = "visit",
	[REC_T_BATCH] = "batch",
	[REC_T_SETTLEMENT] = "settlement",
	[REC_T_PERSON] = "person",
	[REC_T_AMOUNT] = "amount",
	[REC_T_FUND] = "fund",
	[REC_T_ACCOUNT] = "account",
	[REC_T_CASH] = "cash",
	[REC_T_OUTCOME] = "outcome",
	[REC_T_CODE] = "code",
	[REC_T_REASON] = "reason",
	[REC_T_REFERENCE] = "reference",
	[REC_T_LEG] = "leg",
	[REC_T_DUE] = "due",
	[REC_T_ATTEMPT] = "attempt",
	[REC_T_LISTENER] = "listener",
	[REC_T_PARTY_OF_ORIGIN] = "party_of_origin",
	[REC_T_TRACE] = "trace",
	[REC_T_JOINS] = "joins",
	[REC_T_WORKER] = "worker",
	[REC_T_SECOND] = "second",
	[REC_T_SERIAL] = "serial",
	[REC_T_SIGN_NO] = "sign_no",
	[REC_T_OPERATOR] = "operator",
	[REC_T_OWNER] = "owner",
	[REC_T_DEADLINE] = "deadline",
	[REC_T_FLAGS] = "flags",
	[REC_T_GENERATION] = "generation",
	[REC_T_TREATMENT_AREA] = "treatment_area",
	[REC_T_INSURED_AREA] = "insured_area",
	[REC_T_ORIGINAL] = "original",
	[REC_T_HEAD] = "head",
	[REC_T_SIGNATURE] = "signature",
	[REC_T_KEY_NAME] = "key_name",
	[REC_T_POSITION] = "position",
	[REC_T_SEQ] = "seq",
	[REC_T_FROM] = "from",
	[REC_T_SINCE] = "since",
	[REC_T_ELAPSED] = "elapsed",
	[REC_T_ORIGINAL_TYPE] = "original_type",
	[REC_T_STATE] = "state",
	[REC_T_RESULT] = "result",
	[REC_T_COMMIT] = "commit",
	[REC_T_QUIET] = "quiet",
	[REC_T_REQUEST] = "request",
	[REC_T_SENT] = "sent",
	[REC_T_RECEIVED] = "received",
	[REC_T_REPLY] = "reply",
	[REC_T_CASE] = "case",
	[REC_T_FLOW] = "flow",
	[REC_T_STEP] = "step",
	[REC_T_THEN] = "then",
	[REC_T_ABOUT] = "about",
	[REC_T_PAY_NO] = "pay_no",
	[REC_T_PAY_MSG] = "pay_msg",
	[REC_T_BOOKED] = "booked",
	[REC_T_STRAYS] = "strays",
	[REC_T_PAY_BY] = "pay_by",
	[REC_T_LINES] = "lines",
	[REC_T_LIMIT_KEY] = "limit_key",
	[REC_T_LIMIT] = "limit",
	[REC_T_PAY_DIGEST] = "pay_digest",
	[REC_T_FACTS] = "facts",
	[REC_T_UNDO_SENT] = "undo_sent",
	[REC_T_STEP_SENT] = "step_1_sent",
	[REC_T_STEP_SENT + 1] = "step_2_sent",
	[REC_T_STEP_SENT + 2] = "step_3_sent",
	[REC_T_STEP_SENT + 3] = "step_4_sent",
	[REC_T_STEP_SENT + 4] = "step_5_sent",
	[REC_T_STEP_SENT + 5] = "step_6_sent",
	[REC_T_STEP_SENT + 6] = "step_7_sent",
	[REC_T_STEP_SENT + 7] = "step_8_sent",
	[REC_T_STEP_GOT] = "step_1_got",
	[REC_T_STEP_GOT + 1] = "step_2_got",
	[REC_T_STEP_GOT + 2] = "step_3_got",
	[REC_T_STEP_GOT + 3] = "step_4_got",
	[REC_T_STEP_GOT + 4] = "step_5_got",
	[REC_T_STEP_GOT + 5] = "step_6_got",
	[REC_T_STEP_GOT + 6] = "step_7_got",
	[REC_T_STEP_GOT + 7] = "step_8_got",
};

size_t rec_begin(struct yt_buf *buf, enum rec_type type, unsigned flags, uint64_t exchange, int64_t wall_ms)
{
	size_t begun = buf->n;
	uint8_t *p = yt_buf_room(buf, REC_HEAD);

	if (p == NULL)
		return begun;
	put_u32(p, 0); /* rec_end() knows */
	p[4] = (uint8_t)type;
	p[5] = (uint8_t)flags;
	put_u16(p + 6, 0);
	put_u64(p + 8, exchange);
	put_u64(p + 16, (uint64_t)wall_ms);
	return begun;
}

void rec_bytes(struct yt_buf *buf, enum rec_tag tag, const void *bytes, size_t n)
{
	uint8_t *p;

	if (n > UINT32_MAX - FIELD_HEAD || buf->failed) {
		buf->failed = true;
		return;
	}
	p = yt_buf_room(buf, FIELD_HEAD + n);
	if (p == NULL)
		return;
	put_u16(p, (uint16_t)tag);
	put_u16(p + 2, 0);
	put_u32(p + 4, (uint32_t)n);
	if (n > 0)
		memcpy(p + FIELD_HEAD, bytes, n);
}

void rec_str(struct yt_buf *buf, enum rec_tag tag, struct yt_str s)
{
	if (s.n > 0)
		rec_bytes(buf, tag, s.p, s.n);
}

void rec_u8(struct yt_buf *buf, enum rec_tag tag, uint8_t v)
{
	rec_bytes(buf, tag, &v, 1);
}

void rec_u32(struct yt_buf *buf, enum rec_tag tag, uint32_t v)
{
	uint8_t octets[4];

	put_u32(octets, v);
	rec_bytes(buf, tag, octets, sizeof(octets));
}

void rec_u64(struct yt_buf *buf, enum rec_tag tag, uint64_t v)
{
	uint8_t octets[8];

	put_u64(octets, v);
	rec_bytes(buf, tag, octets, sizeof(octets));
}

void rec_i64(struct yt_buf *buf, enum rec_tag tag, int64_t v)
{
	rec_u64(buf, tag, (uint64_t)v);
}

/* Counts the fields that stand back to back in [at, end); false when they do not end at end. */
static bool fields_fit(const uint8_t *p, size_t at, size_t end, size_t *n)
{
	for (*n = 0; at < end; (*n)++) {
		size_t len;

		if (end - at < FIELD_HEAD || get_u16(p + at + 2) != 0)
			return false;
		len = get_u32(p + at + 4);
		if (len > end - at - FIELD_HEAD)
			return false;
		at += FIELD_HEAD + len;
	}
	return true;
}

void rec_end(struct yt_buf *buf, size_t begun)
{
	size_t n;

	if (buf->failed)
		return;
	if (buf->n - begun > UINT32_MAX || !fields_fit(buf->p, begun + REC_HEAD, buf->n, &n) || n > UINT16_MAX) {
		buf->failed = true;
		return;
	}
	put_u32(buf->p + begun, (uint32_t)(buf->n - begun));
	put_u16(buf->p + begun + 6, (uint16_t)n);
}

int rec_read(struct yt_str bytes, struct rec *rec, size_t *used)
{
	const uint8_t *p = (const uint8_t *)bytes.p;
	size_t len, n;

	if (bytes.n == 0)
		return YT_ENOTFOUND;
	if (bytes.n < REC_HEAD)
		return YT_ECORRUPT;
	len = get_u32(p);
	/* A type we do not know is let through: a newer version may have written it. */
	if (len < REC_HEAD || len > bytes.n || p[4] == 0)
		return YT_ECORRUPT;
	if (!fields_fit(p, REC_HEAD, len, &n) || n != get_u16(p + 6))
		return YT_ECORRUPT;
	rec->type = (enum rec_type)p[4];
	rec->flags = p[5];
	rec->n = (uint16_t)n;
	rec->exchange = get_u64(p + 8);
	rec->wall_ms = (int64_t)get_u64(p + 16);
	rec->whole = (struct yt_str){ bytes.p, len };
	*used = len;
	return 0;
}

bool rec_next(const struct rec *rec, size_t *pos, struct rec_field *field)
{
	const char *p;
	size_t at = *pos == 0 ? REC_HEAD : *pos;

	if (at >= rec->whole.n)
		return false;
	p = rec->whole.p + at;
	field->tag = get_u16(p);
	field->value = (struct yt_str){ p + FIELD_HEAD, get_u32(p + 4) };
	*pos = at + FIELD_HEAD + field->value.n;
	return true;
}

struct yt_str rec_get(const struct rec *rec, enum rec_tag tag)
{
	struct rec_field field;
	size_t pos = 0;

	while (rec_next(rec, &pos, &field))
		if (field.tag == (uint16_t)tag)
			return field.value;
	return (struct yt_str){ 0 };
}

uint64_t rec_number(struct yt_str value)
{
	switch (value.n) {
	case 1:
		return (uint8_t)value.p[0];
	case 4:
		return get_u32(value.p);
	case 8:
		return get_u64(value.p);
	default:
		return 0;
	}
}

uint64_t rec_get_u64(const struct rec *rec, enum rec_tag tag)
{
	return rec_number(rec_get(rec, tag));
}

int64_t rec_get_i64(const struct rec *rec, enum rec_tag tag)
{
	return (int64_t)rec_get_u64(rec, tag);
}

bool rec_may_be_lost(struct yt_str records)
{
	struct rec rec;
	size_t used, n = 0;

	for (; rec_read(records, &rec, &used) == 0; n++) {
		if (rec.type != REC_READ && rec.type != REC_REFUSED)
			return false;
		records.p += used;
		records.n -= used;
	}
	return n > 0 && records.n == 0;
}

const char *rec_type_name(enum rec_type type)
{
	size_t i = (size_t)type;

	if (i >= sizeof(type_names) / sizeof(type_names[0]) || type_names[i] == NULL)
		return "unknown";
	return type_names[i];
}

const char *rec_tag_name(uint16_t tag)
{
	if (tag >= sizeof(tag_names) / sizeof(tag_names[0]) || tag_names[tag] == NULL)
		return "unknown";
	return tag_names[tag];
}
