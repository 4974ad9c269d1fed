/* core/format/json.c - JSON octets to a tree and back, for every codec that speaks JSON.
 *
 * Reading is one loop without recursion and without a stack of its own: while an object or array is
 * open it is the last member of its parent, so its `next` is free to point at that parent.
 *  - read_value() makes one node; an object or array becomes r->open
 *  - read_next() takes the next member of r->open, or closes it and looks for repeated names
 * Texts without escapes and numbers are slices of the input; nodes come from the arena, some at a time.
 *
 * Names are compared pair by pair in small objects, else by a hash table that is keyed with a secret,
 * so that nobody can choose thousands of names that meet in one place. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "format/utf8.h"
#include "yitong/json.h"

enum {
	DEFAULT_DEPTH = 32,
	DEFAULT_NODES = 200000,
	NODES_AT_A_TIME = 8,
	SMALL_OBJECT = 12, /* members up to which comparing pairs is quicker than hashing */
	NAME_SLOTS = 256,
};

struct name_slot {
	uint32_t round; /* of the object that filled it; others count as empty */
	uint32_t hash;
	const struct yt_node *member;
};

struct reader {
	const uint8_t *begin, *p, *end;
	struct yt_arena *arena;
	const char *why;
	struct yt_node *root, *open;
	const struct yt_node *duplicate;
	struct yt_node *spare; /* nodes allocated but not used yet */
	uint32_t n_spare;
	uint32_t depth, most_depth;
	uint32_t nodes, most_nodes;
	struct name_slot *slots; /* NULL until an object is large enough */
	size_t n_slots;          /* a power of two */
	uint32_t round;
	struct name_slot own_slots[NAME_SLOTS];
};

static int fail(struct reader *r, const uint8_t *at, int error, const char *why)
{
	r->p = at;
	r->why = why;
	return error;
}

/* --- texts --- */

#define EACH_BYTE UINT64_C(0x0101010101010101)

/* A word whose lowest byte with its top bit set tells the first byte of word that is a control character, a quote or
 * a backslash.  Higher bytes may be marked wrongly. */
static inline uint64_t mark_special(uint64_t word)
{
	uint64_t below_space = word - EACH_BYTE * 0x20;
	uint64_t quote = (word ^ EACH_BYTE * '"') - EACH_BYTE;
	uint64_t backslash = (word ^ EACH_BYTE * '\\') - EACH_BYTE;

	return (below_space | quote | backslash) & ~word & EACH_BYTE * 0x80;
}

/* The first byte from p that does not stand for itself, or end; stop_at_utf8: or is not ASCII. */
static inline const uint8_t *skip_plain(const uint8_t *p, const uint8_t *end, bool stop_at_utf8)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	for (; end - p >= 8; p += 8) {
		uint64_t word, special;

		memcpy(&word, p, 8);
		special = mark_special(word);
		if (stop_at_utf8)
			special |= word & EACH_BYTE * 0x80;
		if (special != 0)
			return p + __builtin_ctzll(special) / 8;
	}
#endif
	while (p < end && *p >= 0x20 && *p != '"' && *p != '\\' && !(stop_at_utf8 && *p >= 0x80))
		p++;
	return p;
}

/* Reads four hex digits; -1 when they are not. */
static int32_t read_hex4(const uint8_t *p, const uint8_t *end)
{
	int32_t value = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		uint8_t c = p[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
		            : c >= 'a' && c <= 'f' ? c - 'a' + 10
		            : c >= 'A' && c <= 'F' ? c - 'A' + 10
		                                   : -1;

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/* Reads \uXXXX, or a pair of them; p is behind the u.  NULL when it is no character. */
static const uint8_t *read_unicode_escape(const uint8_t *p, const uint8_t *end, uint32_t *code)
{
	int32_t high = read_hex4(p, end);
	int32_t low;

	if (high < 0)
		return NULL;
	p += 4;
	*code = (uint32_t)high;
	if (high < 0xd800 || high > 0xdfff)
		return p;
	if (high > 0xdbff || end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return NULL;
	low = read_hex4(p + 2, end);
	if (low < 0xdc00 || low > 0xdfff)
		return NULL;
	*code = 0x10000 + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
	return p + 6;
}

/* Reads one escape; p is at the backslash.  Returns what follows it, or NULL. */
static const uint8_t *read_escape(const uint8_t *p, const uint8_t *end, uint32_t *code)
{
	static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *letter;

	if (end - p < 2)
		return NULL;
	if (p[1] == 'u')
		return read_unicode_escape(p + 2, end, code);
	letter = p[1] != '\0' ? strchr(letters, p[1]) : NULL;
	if (letter == NULL)
		return NULL;
	*code = (uint8_t)meant[letter - letters];
	return p + 2;
}

/* Replaces the escapes of a text found good; no escape is shorter than what it means. */
static int unescape(struct reader *r, const uint8_t *p, const uint8_t *end, struct yt_str *text)
{
	uint8_t *begin = yt_arena_alloc(r->arena, (size_t)(end - p));
	uint8_t *out = begin;

	if (begin == NULL)
		return fail(r, p, YT_ENOMEM, "out of memory");
	while (p < end) {
		const uint8_t *escape = memchr(p, '\\', (size_t)(end - p));
		size_t n = (size_t)((escape != NULL ? escape : end) - p);
		uint32_t code;

		memcpy(out, p, n);
		out += n;
		if (escape == NULL)
			break;
		p = read_escape(escape, end, &code);
		out = utf8_put(out, code);
	}
	*text = (struct yt_str){ (const char *)begin, (size_t)(out - begin) };
	return 0;
}

/* Reads a text; r->p is at its first quote, and then behind its last. */
static int read_text(struct reader *r, struct yt_str *text)
{
	const uint8_t *first = r->p + 1;
	const uint8_t *p = first;
	bool has_escape = false;

	while ((p = skip_plain(p, r->end, true)) < r->end && *p != '"') {
		const uint8_t *next;
		uint32_t code;

		if (*p < 0x20)
			return fail(r, p, YT_EFORMAT, "unescaped control character");
		if (*p == '\\') {
			has_escape = true;
			next = read_escape(p, r->end, &code);
			if (next == NULL)
				return fail(r, p, YT_EFORMAT, "bad escape or lone surrogate");
			p = next;
			continue;
		}
		for (; p < r->end && *p >= 0x80; p = next) {
			next = utf8_skip(p, r->end);
			if (next == NULL)
				return fail(r, p, YT_EFORMAT, "not UTF-8");
		}
	}
	if (p == r->end)
		return fail(r, p, YT_EFORMAT, "text without an end");
	r->p = p + 1;
	if (has_escape)
		return unescape(r, first, p, text);
	*text = (struct yt_str){ (const char *)first, (size_t)(p - first) };
	return 0;
}

/* --- numbers and words --- */

static const uint8_t *skip_digits(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* Behind the number at p, or NULL when none stands there.  bad: where it went wrong. */
static const uint8_t *skip_number(const uint8_t *p, const uint8_t *end, const uint8_t **bad)
{
	const uint8_t *digits = p < end && *p == '-' ? p + 1 : p;

	p = skip_digits(digits, end);
	*bad = p == digits ? p : digits;
	if (p == digits || (*digits == '0' && p > digits + 1))
		return NULL;
	if (p < end && *p == '.') {
		digits = p + 1;
		p = skip_digits(digits, end);
		*bad = p;
		if (p == digits)
			return NULL;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		digits = p + 1;
		if (digits < end && (*digits == '+' || *digits == '-'))
			digits++;
		p = skip_digits(digits, end);
		*bad = p;
		if (p == digits)
			return NULL;
	}
	return p;
}

static int read_number(struct reader *r, struct yt_node *node)
{
	const uint8_t *bad;
	const uint8_t *end = skip_number(r->p, r->end, &bad);

	if (end == NULL)
		return fail(r, bad, YT_EFORMAT, "bad number");
	node->kind = YT_NUMBER;
	node->text = (struct yt_str){ (const char *)r->p, (size_t)(end - r->p) };
	r->p = end;
	return 0;
}

static int read_word(struct reader *r, struct yt_node *node, struct yt_str word, enum yt_kind kind)
{
	if ((size_t)(r->end - r->p) < word.n || memcmp(r->p, word.p, word.n) != 0)
		return fail(r, r->p, YT_EFORMAT, "expected a value");
	node->kind = (uint8_t)kind;
	if (kind == YT_BOOL)
		node->text = (struct yt_str){ (const char *)r->p, word.n };
	r->p += word.n;
	return 0;
}

/* --- repeated names --- */

static uint64_t name_secret[2];
static pthread_once_t name_secret_once = PTHREAD_ONCE_INIT;

static void name_secret_make(void)
{
	YT_REQUIRE(getrandom(name_secret, sizeof(name_secret), 0) == sizeof(name_secret));
	name_secret[1] |= 1;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t name_hash(struct yt_str name)
{
	uint64_t hash = name_secret[0] ^ name.n;
	uint64_t word = 0;
	size_t i;

	for (i = 0; name.n - i >= 8; i += 8) {
		memcpy(&word, name.p + i, 8);
		hash = mix(hash ^ word, name_secret[1]);
	}
	word = 0;
	if (name.n >= 8)
		memcpy(&word, name.p + name.n - 8, 8); /* some bytes twice: cheaper than to count them */
	else
		memcpy(&word, name.p, name.n);
	return (uint32_t)mix(hash ^ word, name_secret[1]);
}

static int slots_for(struct reader *r, uint32_t members)
{
	size_t n = NAME_SLOTS;
	struct name_slot *slots;

	if (r->slots != NULL && members <= r->n_slots / 2)
		return 0;
	pthread_once(&name_secret_once, name_secret_make);
	while (n / 2 < members)
		n *= 2;
	if (n == NAME_SLOTS) {
		slots = r->own_slots;
		memset(slots, 0, sizeof(r->own_slots));
	} else {
		slots = calloc(n, sizeof(*slots));
	}
	if (slots == NULL)
		return fail(r, r->p, YT_ENOMEM, "out of memory");
	if (r->slots != r->own_slots)
		free(r->slots);
	r->slots = slots;
	r->n_slots = n;
	r->round = 0;
	return 0;
}

static int find_duplicate_by_hash(struct reader *r, const struct yt_node *object)
{
	size_t mask;
	int rv = slots_for(r, object->n);

	if (rv != 0)
		return rv;
	mask = r->n_slots - 1;
	r->round++;
	for (const struct yt_node *member = object->child; member != NULL; member = member->next) {
		uint32_t hash = name_hash(member->name);
		size_t i = hash & mask;

		for (; r->slots[i].round == r->round; i = (i + 1) & mask)
			if (r->slots[i].hash == hash && yt_str_eq(r->slots[i].member->name, member->name)) {
				r->duplicate = member;
				return 0;
			}
		r->slots[i] = (struct name_slot){ r->round, hash, member };
	}
	return 0;
}

static int find_duplicate(struct reader *r, const struct yt_node *object)
{
	if (r->duplicate != NULL)
		return 0; /* one is enough */
	if (object->n > SMALL_OBJECT)
		return find_duplicate_by_hash(r, object);
	for (const struct yt_node *member = object->child; member != NULL; member = member->next)
		for (const struct yt_node *earlier = object->child; earlier != member; earlier = earlier->next)
			if (yt_str_eq(earlier->name, member->name)) {
				r->duplicate = member;
				return 0;
			}
	return 0;
}

/* --- the tree --- */

static void skip_space(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t'))
		r->p++;
}

/* A zeroed node at the end of r->open. */
static struct yt_node *take_node(struct reader *r)
{
	struct yt_node *node;

	if (r->n_spare == 0) {
		r->spare = yt_arena_alloc(r->arena, NODES_AT_A_TIME * sizeof(*node));
		if (r->spare == NULL)
			return NULL;
		r->n_spare = NODES_AT_A_TIME;
	}
	r->n_spare--;
	node = r->spare++;
	if (r->open == NULL)
		r->root = node;
	else if (r->open->last == NULL)
		r->open->child = node;
	else
		r->open->last->next = node;
	if (r->open != NULL) {
		r->open->last = node;
		r->open->n++;
	}
	return node;
}

static int open_node(struct reader *r, struct yt_node *node)
{
	if (r->depth == r->most_depth)
		return fail(r, r->p, YT_ELIMIT, "nested too deep");
	r->depth++;
	node->kind = *r->p == '{' ? YT_OBJECT : YT_ARRAY;
	node->next = r->open;
	r->open = node;
	r->p++;
	return 0;
}

static int close_node(struct reader *r)
{
	struct yt_node *node = r->open;

	r->p++;
	r->depth--;
	r->open = node->next;
	node->next = NULL;
	node->raw_len = (uint32_t)(r->p - r->begin) - node->raw_off;
	return node->kind == YT_OBJECT ? find_duplicate(r, node) : 0;
}

/* Reads a value, of an object or array only the opening bracket. */
static int read_value(struct reader *r, struct yt_str name)
{
	struct yt_node *node;
	int rv;

	skip_space(r);
	if (r->p == r->end)
		return fail(r, r->p, YT_EFORMAT, "ends where a value is expected");
	if (r->nodes++ == r->most_nodes)
		return fail(r, r->p, YT_ELIMIT, "too many values");
	node = take_node(r);
	if (node == NULL)
		return fail(r, r->p, YT_ENOMEM, "out of memory");
	node->name = name;
	node->raw_off = (uint32_t)(r->p - r->begin);
	switch (*r->p) {
	case '{':
	case '[':
		return open_node(r, node);
	case '"':
		node->kind = YT_TEXT;
		rv = read_text(r, &node->text);
		break;
	case 't':
		rv = read_word(r, node, YT_STR("true"), YT_BOOL);
		break;
	case 'f':
		rv = read_word(r, node, YT_STR("false"), YT_BOOL);
		break;
	case 'n':
		rv = read_word(r, node, YT_STR("null"), YT_NULL);
		break;
	default:
		if (*r->p != '-' && (*r->p < '0' || *r->p > '9'))
			return fail(r, r->p, YT_EFORMAT, "expected a value");
		rv = read_number(r, node);
		break;
	}
	node->raw_len = (uint32_t)(r->p - r->begin) - node->raw_off;
	return rv;
}

static int read_name(struct reader *r, struct yt_str *name)
{
	int rv;

	skip_space(r);
	if (r->p == r->end || *r->p != '"')
		return fail(r, r->p, YT_EFORMAT, "expected a member name in quotes");
	rv = read_text(r, name);
	if (rv != 0)
		return rv;
	skip_space(r);
	if (r->p == r->end || *r->p != ':')
		return fail(r, r->p, YT_EFORMAT, "expected ':'");
	r->p++;
	return 0;
}

/* Takes the next member of r->open, or closes it. */
static int read_next(struct reader *r)
{
	bool is_object = r->open->kind == YT_OBJECT;
	struct yt_str name = { NULL, 0 };
	int rv;

	skip_space(r);
	if (r->p < r->end && *r->p == (is_object ? '}' : ']'))
		return close_node(r);
	if (r->open->n > 0) {
		if (r->p == r->end || *r->p != ',')
			return fail(r, r->p, YT_EFORMAT, is_object ? "expected ',' or '}'" : "expected ',' or ']'");
		r->p++;
	}
	if (is_object) {
		rv = read_name(r, &name);
		if (rv != 0)
			return rv;
	}
	return read_value(r, name);
}

static int read_whole(struct reader *r)
{
	int rv;

	if ((uint64_t)(r->end - r->begin) > UINT32_MAX)
		return fail(r, r->begin, YT_ELIMIT, "larger than 4 GiB");
	if (r->end - r->begin >= 3 && memcmp(r->begin, "\xef\xbb\xbf", 3) == 0)
		return fail(r, r->begin, YT_EFORMAT, "starts with a byte-order mark");
	rv = read_value(r, (struct yt_str){ NULL, 0 });
	while (rv == 0 && r->open != NULL)
		rv = read_next(r);
	if (rv != 0)
		return rv;
	skip_space(r);
	if (r->p != r->end)
		return fail(r, r->p, YT_EFORMAT, "bytes after the value");
	return 0;
}

static void tell(const struct reader *r, struct yt_json_error *err)
{
	*err = (struct yt_json_error){ .line = 1, .column = 1, .why = r->why, .duplicate = r->duplicate };
	if (r->why == NULL)
		return;
	err->duplicate = NULL;
	err->offset = (size_t)(r->p - r->begin);
	for (const uint8_t *p = r->begin; p < r->p; p++) {
		err->column++;
		if (*p == '\n') {
			err->line++;
			err->column = 1;
		}
	}
}

static uint32_t limit_or(uint32_t limit, uint32_t fallback)
{
	return limit != 0 ? limit : fallback;
}

int yt_json_read(struct yt_arena *arena, struct yt_str text, const struct yt_json_limits *limits, struct yt_node **root,
        struct yt_json_error *err)
{
	struct reader r; /* not initialised as a whole: own_slots is large and seldom needed */
	int rv;

	memset(&r, 0, offsetof(struct reader, own_slots));
	r.begin = (const uint8_t *)(text.n > 0 ? text.p : "");
	r.p = r.begin;
	r.end = r.begin + text.n;
	r.arena = arena;
	r.most_depth = limit_or(limits != NULL ? limits->depth : 0, DEFAULT_DEPTH);
	if (r.most_depth > YT_JSON_DEEPEST)
		r.most_depth = YT_JSON_DEEPEST;
	r.most_nodes = limit_or(limits != NULL ? limits->nodes : 0, DEFAULT_NODES);
	rv = read_whole(&r);
	if (r.slots != r.own_slots)
		free(r.slots);
	if (err != NULL)
		tell(&r, err);
	if (rv == 0)
		*root = r.root;
	return rv;
}

/* --- writing --- */

static inline void write_byte(uint8_t byte, struct yt_buf *out)
{
	if (out->n < out->cap && !out->failed)
		out->p[out->n++] = byte;
	else
		yt_buf_byte(out, byte);
}

/* Writes a control character, quote or backslash. */
static void write_escaped(uint8_t c, struct yt_buf *out)
{
	static const char hex[] = "0123456789abcdef";
	static const char letters[0x20] = { ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't' };
	const uint8_t unicode[6] = { '\\', 'u', '0', '0', (uint8_t)hex[c >> 4], (uint8_t)hex[c & 15] };
	const uint8_t letter[2] = { '\\', c < 0x20 ? (uint8_t)letters[c] : c };

	if (letter[1] != 0)
		yt_buf_add(out, letter, sizeof(letter));
	else
		yt_buf_add(out, unicode, sizeof(unicode));
}

/* Writes what stands between the quotes; p is at the first byte to be escaped. */
static void write_with_escapes(const uint8_t *p, const uint8_t *end, struct yt_buf *out)
{
	while (p < end) {
		const uint8_t *run = p + 1;

		write_escaped(*p, out);
		p = skip_plain(run, end, false);
		yt_buf_add(out, run, (size_t)(p - run));
	}
}

void yt_json_write_string(struct yt_str text, struct yt_buf *out)
{
	const uint8_t *begin = (const uint8_t *)(text.n > 0 ? text.p : ""); /* the empty slice may have no pointer */
	const uint8_t *end = begin + text.n;
	const uint8_t *p = skip_plain(begin, end, false);
	size_t n = (size_t)(p - begin);
	uint8_t *room = yt_buf_room(out, n + 2);

	if (room == NULL)
		return;
	room[0] = '"';
	memcpy(room + 1, begin, n);
	room[n + 1] = '"';
	if (p == end)
		return;
	out->n--; /* the text goes on where the last quote stands */
	write_with_escapes(p, end, out);
	write_byte('"', out);
}

static void write_number(struct yt_str digits, struct yt_buf *out)
{
	const uint8_t *p = (const uint8_t *)digits.p;
	const uint8_t *bad;

	if (digits.n == 0 || skip_number(p, p + digits.n, &bad) != p + digits.n)
		out->failed = true;
	yt_buf_str(out, digits);
}

static void write_node(const struct yt_node *node, struct yt_buf *out, unsigned depth)
{
	bool is_object = node->kind == YT_OBJECT;

	switch (node->kind) {
	case YT_NULL:
		yt_buf_add(out, "null", 4);
		return;
	case YT_BOOL:
		yt_buf_str(out, node->text);
		return;
	case YT_NUMBER:
		write_number(node->text, out);
		return;
	case YT_TEXT:
		yt_json_write_string(node->text, out);
		return;
	default:
		break;
	}
	if (depth == YT_JSON_DEEPEST) {
		out->failed = true;
		return;
	}
	write_byte(is_object ? '{' : '[', out);
	for (const struct yt_node *member = node->child; member != NULL; member = member->next) {
		if (member != node->child)
			write_byte(',', out);
		if (is_object) {
			yt_json_write_string(member->name, out);
			write_byte(':', out);
		}
		write_node(member, out, depth + 1);
	}
	write_byte(is_object ? '}' : ']', out);
}

void yt_json_write(const struct yt_node *node, struct yt_buf *out)
{
	write_node(node, out, 0);
}
