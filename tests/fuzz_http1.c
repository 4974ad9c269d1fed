/* tests/fuzz_http1.c - both HTTP/1.1 readers on any octets: no crash, and no dependence on splits.
 *
 * The first byte chooses request or answer, the second seeds the splits.  The rest is read once whole
 * and once in pieces; result, refusal, fields, body and what is left over must agree, message by
 * message until the input ends. */
#include <stdlib.h>
#include <string.h>

#include "net/http1.h"

struct outcome {
	enum http1_result result;
	int refusal, status;
	size_t n_fields, n_body, consumed;
	uint32_t sum; /* of all that is told */
	bool keep_alive;
};

static uint32_t mix(uint32_t sum, struct yt_str s)
{
	for (size_t i = 0; i < s.n; i++)
		sum = (sum ^ (uint8_t)s.p[i]) * 16777619u;
	return (sum ^ 0xff) * 16777619u;
}

/* Reads one message from p; pieces of at most 1 + (seed % 16) bytes, or whole when seed is 0. */
static struct outcome read_one(struct http1_pool *pool, const uint8_t *p, size_t n, uint32_t seed)
{
	struct http1 *h = http1_take(pool);
	struct outcome o = { .result = HTTP1_MORE };
	size_t fed = 0;

	while (fed < n && (o.result == HTTP1_MORE || o.result == HTTP1_UNTIL_CLOSE)) {
		size_t room, part = n - fed;
		uint8_t *to = http1_room(h, &room);

		if (to == NULL)
			abort();
		if (seed != 0) {
			seed = seed * 1664525u + 1013904223u;
			part = 1 + (seed >> 24) % 16;
		}
		if (part > n - fed)
			part = n - fed;
		if (part > room)
			part = room;
		memcpy(to, p + fed, part);
		fed += part;
		o.result = http1_feed(h, part);
	}
	o.refusal = h->refusal;
	if (o.result == HTTP1_WHOLE) {
		o.status = h->status;
		o.n_fields = h->n_fields;
		o.n_body = h->body.n;
		o.keep_alive = h->keep_alive;
		o.sum = mix(mix(mix(2166136261u, h->method), h->target), h->body);
		for (size_t i = 0; i < h->n_fields; i++)
			o.sum = mix(mix(o.sum, h->fields[i].name), h->fields[i].value);
		http1_next(h);
		o.consumed = fed - h->n;
	}
	http1_give(pool, h);
	return o;
}

static bool same(const struct outcome *a, const struct outcome *b)
{
	return a->result == b->result && a->refusal == b->refusal && a->status == b->status &&
	       a->n_fields == b->n_fields && a->n_body == b->n_body && a->consumed == b->consumed && a->sum == b->sum &&
	       a->keep_alive == b->keep_alive;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http1_limits limits = { 1024, 16, 4096 };
	struct http1_pool pool;
	struct outcome whole, split;
	uint32_t seed;

	if (size < 2)
		return 0;
	http1_pool_init(&pool, data[0] & 1 ? HTTP1_RESPONSE : HTTP1_REQUEST, &limits);
	seed = data[1] + 1u;
	data += 2;
	size -= 2;
	do {
		whole = read_one(&pool, data, size, 0);
		split = read_one(&pool, data, size, seed);
		if (!same(&whole, &split))
			abort();
		if (whole.n_body > limits.body_bytes || whole.n_fields > limits.fields)
			abort();
		data += whole.consumed;
		size -= whole.consumed;
	} while (whole.result == HTTP1_WHOLE && whole.consumed > 0);
	http1_pool_free(&pool);
	return 0;
}
