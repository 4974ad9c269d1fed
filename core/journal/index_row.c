/* core/journal/index_row.c - an exchange as a row: the columns that are asked for, the rest folded small.
 *
 * The fold holds every member of struct exchange that is not a column, texts as length and bytes,
 * numbers as variable-length integers: some 150 bytes instead of a kilobyte. */
#include "journal/index_parts.h"

#include <string.h>

#define FOLD_VERSION 19
#define PLACES_MAX 4096 /* positions kept of one exchange: it would have to be retried for weeks */

static const struct member {
	uint16_t offset, size;
} texts[] = {
#define TEXT(m)                                                                                                        \
	{                                                                                                              \
		offsetof(struct exchange, m), sizeof(((struct exchange *)0)->m)                                        \
	}
	TEXT(number), TEXT(visit), TEXT(settlement), TEXT(wire_op), TEXT(listener), TEXT(trace), TEXT(business_key), TEXT(batch), TEXT(original),
	TEXT(treatment_area), TEXT(insured_area), TEXT(code), TEXT(reason), TEXT(reference), TEXT(owner), TEXT(flow), TEXT(then), TEXT(told_state),
	TEXT(pay_no), TEXT(pay_msg), TEXT(pay_uetr), TEXT(pay_serial), TEXT(back_no), TEXT(back_msg), TEXT(back_state), TEXT(unpaid_as), TEXT(room_of), TEXT(room_to),
	TEXT(paid_by), TEXT(listed_state),
}, numbers[] = {
#define NUMBER(m)                                                                                                      \
	{                                                                                                              \
		offsetof(struct exchange, m), sizeof(((struct exchange *)0)->m)                                        \
	}
	NUMBER(flags), NUMBER(op), NUMBER(amount_fen), NUMBER(fund_fen), NUMBER(account_fen), NUMBER(cash_fen),
	NUMBER(closed_ms), NUMBER(unknown_since_ms), NUMBER(due_ms), NUMBER(due_set_ms), NUMBER(deadline_ms), NUMBER(attempts),
	NUMBER(reversals), NUMBER(worker), NUMBER(joins), NUMBER(answered), NUMBER(delivered),
	NUMBER(reversal_wanted), NUMBER(must_answer), NUMBER(offers), NUMBER(accepted_pos), NUMBER(sent_pos), NUMBER(answered_pos), NUMBER(last_pos),
	NUMBER(step), NUMBER(step_state), NUMBER(refused_step), NUMBER(undoing), NUMBER(told_seq), NUMBER(told),
	NUMBER(released), NUMBER(asks), NUMBER(absents), NUMBER(absent_ms), NUMBER(adopted),
	NUMBER(pay_fen), NUMBER(has_line), NUMBER(doubted), NUMBER(strays), NUMBER(room_day), NUMBER(room_fen), NUMBER(claimed_back),
	NUMBER(decided_fen), NUMBER(listed_day), NUMBER(listed_fen),
};

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

/* ---- variable-length integers ---- */

#define VARINT_MAX 10 /* bytes of one */

/* Where it ends. */
static uint8_t *write_varint(uint8_t *to, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*to++ = (uint8_t)(v | 0x80);
	*to++ = (uint8_t)v;
	return to;
}

static void put_varint(struct yt_buf *out, uint64_t v)
{
	uint8_t bytes[VARINT_MAX];

	yt_buf_add(out, bytes, (size_t)(write_varint(bytes, v) - bytes));
}

/* False when the bytes end before the number does. */
static bool get_varint(struct yt_str *in, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte;

		if (in->n == 0)
			return false;
		byte = (uint8_t)*in->p++;
		in->n--;
		*v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

/* Negative amounts stay short: 0, -1, 1, -2 ... become 0, 1, 2, 3 ... */
static uint64_t fold_sign(uint64_t v)
{
	return v << 1 ^ (uint64_t)((int64_t)v >> 63);
}

static uint64_t unfold_sign(uint64_t v)
{
	return v >> 1 ^ (0 - (v & 1));
}

static uint64_t load_number(const void *at, size_t size)
{
	uint8_t one;
	int32_t four;
	uint64_t eight;

	if (size == 1) {
		memcpy(&one, at, 1);
		return one;
	}
	if (size == 4) {
		memcpy(&four, at, 4);
		return (uint32_t)four;
	}
	memcpy(&eight, at, 8);
	return eight;
}

static bool store_number(void *at, size_t size, uint64_t v)
{
	uint32_t four = (uint32_t)v;
	bool one = v != 0;

	if (size == 1)
		memcpy(at, &one, 1);
	else if (size == 4)
		memcpy(at, &four, 4);
	else
		memcpy(at, &v, 8);
	return size == 8 || v <= UINT32_MAX;
}

/* ---- the fold ---- */

/* Of payouts that came to nothing: most have none. */
static void write_back(const struct exchange *x, struct yt_buf *out)
{
	uint8_t n = 0;

	while (n < EXCHANGE_PAYOUTS_OLDER && x->older[n].no[0] != '\0')
		n++;
	yt_buf_add(out, x->back_payee, sizeof(x->back_payee));
	yt_buf_byte(out, n);
	yt_buf_add(out, x->older, n * sizeof(x->older[0]));
}

/* Most are empty or small, and each row has them all: one room for the longest there could be. */
static void write_columns(const struct exchange *x, struct yt_buf *out)
{
	const size_t longest = 1 + N_OF(texts) + sizeof(*x) + N_OF(numbers) * VARINT_MAX;
	const char *base = (const char *)x;
	uint8_t *room = yt_buf_room(out, longest), *to = room;

	if (room == NULL)
		return;
	*to++ = FOLD_VERSION;
	for (size_t i = 0; i < N_OF(texts); i++) {
		size_t n = strnlen(base + texts[i].offset, texts[i].size);

		*to++ = (uint8_t)n;
		memcpy(to, base + texts[i].offset, n);
		to += n;
	}
	for (size_t i = 0; i < N_OF(numbers); i++)
		to = write_varint(to, fold_sign(load_number(base + numbers[i].offset, numbers[i].size)));
	out->n -= longest - (size_t)(to - room);
}

void index_fold_write(const struct exchange *x, struct yt_buf *out)
{
	write_columns(x, out);
	yt_buf_add(out, x->digest, sizeof(x->digest));
	yt_buf_add(out, x->person, sizeof(x->person));
	if (x->flow[0] != 0)
		yt_buf_add(out, x->pay_digest, sizeof(x->pay_digest));
	if (x->back_no[0] != 0)
		write_back(x, out);
	for (size_t i = 0; x->flow[0] != 0 && i < REC_STEPS_MAX; i++) {
		put_varint(out, x->step_sent[i]);
		put_varint(out, x->step_got[i]);
	}
	if (x->flow[0] != 0)
		put_varint(out, x->undo_sent);
}

static bool read_digest(struct yt_str *in, uint8_t digest[16])
{
	if (in->n < 16)
		return false;
	memcpy(digest, in->p, 16);
	in->p += 16, in->n -= 16;
	return true;
}

static bool read_back(struct yt_str *in, struct exchange *x)
{
	size_t n;

	if (!read_digest(in, x->back_payee) || in->n < 1)
		return false;
	n = (uint8_t)*in->p;
	in->p++, in->n--;
	if (n > EXCHANGE_PAYOUTS_OLDER || in->n < n * sizeof(x->older[0]))
		return false;
	memcpy(x->older, in->p, n * sizeof(x->older[0]));
	for (size_t i = 0; i < n; i++) /* each ends, whatever the file says */
		x->older[i].no[sizeof(x->older[i].no) - 1] = x->older[i].msg[sizeof(x->older[i].msg) - 1] =
		        x->older[i].state[sizeof(x->older[i].state) - 1] = '\0';
	in->p += n * sizeof(x->older[0]), in->n -= n * sizeof(x->older[0]);
	return true;
}

/* Where the octets of a flow's steps stand; nothing of others. */
static bool read_steps(struct yt_str *in, struct exchange *x)
{
	for (size_t i = 0; x->flow[0] != 0 && i < REC_STEPS_MAX; i++)
		if (!get_varint(in, &x->step_sent[i]) || !get_varint(in, &x->step_got[i]))
			return false;
	return (x->flow[0] == 0 || get_varint(in, &x->undo_sent)) && in->n == 0;
}

static int fold_read(struct yt_str in, struct exchange *x)
{
	char *base = (char *)x;
	uint64_t v;

	if (in.n < 1 || *in.p != FOLD_VERSION)
		return YT_ECORRUPT;
	in.p++, in.n--;
	for (size_t i = 0; i < N_OF(texts); i++) {
		size_t n = in.n < 1 ? 0 : (uint8_t)*in.p;

		if (in.n < 1 + n || n >= texts[i].size)
			return YT_ECORRUPT;
		memcpy(base + texts[i].offset, in.p + 1, n);
		in.p += 1 + n, in.n -= 1 + n;
	}
	for (size_t i = 0; i < N_OF(numbers); i++)
		if (!get_varint(&in, &v) || !store_number(base + numbers[i].offset, numbers[i].size, unfold_sign(v)))
			return YT_ECORRUPT;
	if (in.n < sizeof(x->digest) + sizeof(x->person))
		return YT_ECORRUPT;
	memcpy(x->digest, in.p, sizeof(x->digest));
	memcpy(x->person, in.p + sizeof(x->digest), sizeof(x->person));
	in.p += sizeof(x->digest) + sizeof(x->person);
	in.n -= sizeof(x->digest) + sizeof(x->person);
	if ((x->flow[0] != 0 && !read_digest(&in, x->pay_digest)) || (x->back_no[0] != 0 && !read_back(&in, x)))
		return YT_ECORRUPT;
	return read_steps(&in, x) ? 0 : YT_ECORRUPT;
}

/* ---- the row ---- */

int64_t index_key(struct yt_str text)
{
	uint64_t h = 0xcbf29ce484222325u, digits = 0;
	size_t at = text.n;

	while (at > 0 && text.n - at < 18 && text.p[at - 1] >= '0' && text.p[at - 1] <= '9')
		at--;
	if (text.n - at >= 8) {
		for (; at < text.n; at++)
			digits = digits * 10 + (uint64_t)(text.p[at] - '0');
		return (int64_t)digits + 1;
	}
	for (size_t i = 0; i < text.n; i++)
		h = (h ^ (uint8_t)text.p[i]) * 0x100000001b3u;
	return -(int64_t)(h >> 2) - 1;
}

int64_t index_person_key(const uint8_t person[16])
{
	int64_t key;

	memcpy(&key, person, sizeof(key));
	return key;
}

static bool column_text(sqlite3_stmt *row, int column, char *to, size_t size)
{
	const void *p = sqlite3_column_blob(row, column);
	size_t n = (size_t)sqlite3_column_bytes(row, column);

	if (n >= size)
		return false;
	if (n > 0)
		memcpy(to, p, n);
	return true;
}

int index_row_read(sqlite3_stmt *row, struct exchange *x)
{
	struct yt_str fold = { sqlite3_column_blob(row, COL_FOLD), (size_t)sqlite3_column_bytes(row, COL_FOLD) };
	int state = sqlite3_column_int(row, COL_STATE);

	memset(x, 0, sizeof(*x));
	if (fold_read(fold, x) != 0 || state < X_NONE || state > X_READ ||
	        !column_text(row, COL_INSTITUTION, x->institution, sizeof(x->institution)) ||
	        !column_text(row, COL_PARTY, x->party, sizeof(x->party)))
		return YT_ECORRUPT;
	x->id = (uint64_t)sqlite3_column_int64(row, COL_ID);
	x->accepted_ms = sqlite3_column_int64(row, COL_ACCEPTED);
	x->state = (enum exchange_state)state;
	return 0;
}

/* NULL for empty, so that partial indexes leave it out. */
static void bind_key(sqlite3_stmt *st, enum index_column column, const char *text)
{
	if (*text == '\0')
		sqlite3_bind_null(st, (int)column + 1);
	else
		sqlite3_bind_int64(st, (int)column + 1, index_key(yt_str(text)));
}

static enum index_open open_column(const struct exchange *x)
{
	if (exchange_is_open(x))
		return exchange_may_rest(x) ? INDEX_RESTS : INDEX_OPEN;
	return exchange_awaits_line(x) ? INDEX_LINE : exchange_has_strays(x) ? INDEX_STRAYS : INDEX_OVER;
}

static int64_t rest_due_ms(const struct exchange *x)
{
	return x->state == X_PARKED ? INDEX_PARKED : x->due_ms;
}

/* Binds all columns in order; what is bound is borrowed from e and scratch until the statement is reset. */
int index_row_bind(sqlite3_stmt *st, const struct index_entry *e, struct yt_buf *scratch)
{
	const struct exchange *x = &e->x;

	yt_buf_clear(scratch);
	index_fold_write(x, scratch);
	if (scratch->failed || e->places.failed)
		return YT_ENOMEM;
	sqlite3_bind_int64(st, COL_ID + 1, (sqlite3_int64)x->id);
	bind_key(st, COL_NUMBER_KEY, x->number);
	bind_key(st, COL_VISIT_KEY, x->visit);
	bind_key(st, COL_SETTLEMENT_KEY, x->settlement);
	sqlite3_bind_int64(st, COL_BUCKET + 1, INDEX_BUCKET(x->accepted_ms));
	sqlite3_bind_text(st, COL_INSTITUTION + 1, x->institution, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, COL_PARTY + 1, x->party, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, COL_ACCEPTED + 1, x->accepted_ms);
	sqlite3_bind_int(st, COL_STATE + 1, (int)x->state);
	sqlite3_bind_int(st, COL_OPEN + 1, (int)open_column(x));
	sqlite3_bind_int(st, COL_ADMITTED + 1, e->is_admitted);
	sqlite3_bind_blob(st, COL_FOLD + 1, scratch->p, (int)scratch->n, SQLITE_STATIC);
	sqlite3_bind_blob(st, COL_PLACES + 1, e->places.p, (int)e->places.n, SQLITE_STATIC);
	bind_key(st, COL_CANCELS_KEY, exchange_is_cancel(x) ? x->original : "");
	sqlite3_bind_null(st, COL_REST_DUE + 1);
	sqlite3_bind_null(st, COL_REST_SET + 1);
	if (exchange_may_rest(x)) {
		sqlite3_bind_int64(st, COL_REST_DUE + 1, rest_due_ms(x));
		sqlite3_bind_int64(st, COL_REST_SET + 1, x->due_set_ms);
	}
	if (exchange_waits_for_facts(x))
		sqlite3_bind_int64(st, COL_WAITS_KEY + 1, index_person_key(x->person));
	else
		sqlite3_bind_null(st, COL_WAITS_KEY + 1);
	return 0;
}

/* All numbers by which a bank may speak of its payouts; those that are there already stay. */
static int store_name(struct index *index, const char *name, const struct exchange *x)
{
	sqlite3_stmt *st = index_statement(index, ST_PAYOUT_ADD);
	int rv;

	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)x->id);
	rv = index_error(sqlite3_step(st));
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return rv;
}

int index_store_payouts(struct index *index, const struct index_entry *e)
{
	const struct exchange *x = &e->x;
	const char *were = (const char *)e->were.p;
	char serial[EXCHANGE_SERIAL_KEY];
	const char *names[6 + 2 * EXCHANGE_PAYOUTS_OLDER] = { x->pay_no, x->pay_msg, x->pay_uetr, serial, x->back_no,
		x->back_msg };
	int rv = 0;

	for (size_t at = 0; rv == 0 && at < e->were.n; at += strlen(were + at) + 1)
		rv = store_name(index, were + at, x);
	if (x->pay_no[0] == '\0' && x->back_no[0] == '\0')
		return rv;
	exchange_serial_key(yt_str(x->pay_serial), x->pay_fen, serial);
	for (unsigned i = 0; i < EXCHANGE_PAYOUTS_OLDER; i++) {
		names[6 + 2 * i] = x->older[i].no;
		names[7 + 2 * i] = x->older[i].msg;
	}
	for (size_t i = 0; rv == 0 && i < N_OF(names); i++)
		if (names[i][0] != '\0')
			rv = store_name(index, names[i], x);
	return rv;
}

uint64_t index_columns_digest(const struct index_entry *e)
{
	const struct exchange *x = &e->x;
	const char *const texts_of[] = { x->number, x->visit, x->settlement, x->institution, x->party, x->pay_no,
		x->pay_msg, x->pay_uetr, x->pay_serial, x->back_no };
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < N_OF(texts_of); i++)
		for (const char *p = texts_of[i];; p++) {
			h = (h ^ (uint8_t)*p) * 0x100000001b3u;
			if (*p == '\0')
				break;
		}
	h = (h ^ (uint64_t)x->accepted_ms) * 0x100000001b3u;
	if (exchange_may_rest(x))
		h = ((h ^ (uint64_t)rest_due_ms(x)) * 0x100000001b3u ^ (uint64_t)x->due_set_ms) * 0x100000001b3u;
	if (exchange_waits_for_facts(x))
		h = (h ^ (uint64_t)index_person_key(x->person)) * 0x100000001b3u;
	return (h ^ (uint64_t)open_column(x) ^ (e->is_admitted ? 4u : 0u)) * 0x100000001b3u;
}

/* ---- positions: each as its distance from the one before ---- */

void index_places_add(struct index_entry *e, log_pos pos)
{
	if (pos == e->last_place || e->places.n >= PLACES_MAX * 3)
		return;
	put_varint(&e->places, pos - e->last_place);
	e->last_place = pos;
}

size_t index_places_read(struct yt_str places, log_pos *out, size_t max)
{
	log_pos at = 0;
	uint64_t step;
	size_t n = 0;

	while (n < max && get_varint(&places, &step)) {
		at += step;
		out[n++] = at;
	}
	return n;
}
