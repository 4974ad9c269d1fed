/* tests/sim.c - the simulator's clock, events, randomness and trace. */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t sim_random(struct sim *s, uint64_t below)
{
	uint64_t z = s->random += 0x9e3779b97f4a7c15u; /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % below;
}

bool sim_chance(struct sim *s, unsigned percent)
{
	return sim_random(s, 100) < percent;
}

bool sim_fault(struct sim *s, unsigned per_mille)
{
	return !s->calm && sim_random(s, 1000) < per_mille;
}

void *sim_more(void *array, size_t n, size_t size)
{
	if (n == 0 || (n >= 8 && (n & (n - 1)) == 0)) /* 8 at first, then doubled whenever full */
		array = realloc(array, (n == 0 ? 8 : 2 * n) * size);
	YT_REQUIRE(array != NULL);
	memset((char *)array + n * size, 0, size);
	return array;
}

static bool earlier(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

struct sim_event *sim_at(
        struct sim *s, int64_t at, void (*fn)(struct sim *s, struct sim_event *e), uint64_t a, uint64_t b)
{
	struct sim_event *e = calloc(1, sizeof(*e));
	size_t i = s->n_heap;

	YT_REQUIRE(e != NULL);
	*e = (struct sim_event){ .at = at < s->now ? s->now : at, .order = s->order++, .fn = fn, .a = a, .b = b };
	s->heap = sim_more(s->heap, s->n_heap++, sizeof(*s->heap));
	for (; i > 0 && earlier(e, s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = e;
	return e;
}

void sim_text(struct sim_event *e, struct yt_str text)
{
	e->text = malloc(text.n + 1);
	YT_REQUIRE(e->text != NULL);
	if (text.n > 0)
		memcpy(e->text, text.p, text.n);
	e->text[text.n] = 0;
	e->n = text.n;
}

static struct sim_event *pop(struct sim *s)
{
	struct sim_event *first = s->heap[0], *last = s->heap[--s->n_heap];
	size_t i = 0, child;

	for (; (child = 2 * i + 1) < s->n_heap; i = child) {
		if (child + 1 < s->n_heap && earlier(s->heap[child + 1], s->heap[child]))
			child++;
		if (!earlier(s->heap[child], last))
			break;
		s->heap[i] = s->heap[child];
	}
	if (s->n_heap > 0)
		s->heap[i] = last;
	return first;
}

bool sim_step(struct sim *s)
{
	struct sim_event *e;

	if (s->n_heap == 0)
		return false;
	e = pop(s);
	s->now = e->at;
	e->fn(s, e);
	free(e->text);
	free(e);
	return true;
}

void sim_trace(struct sim *s, const char *fmt, ...)
{
	char line[700];
	va_list args;

	if (!s->tracing)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	printf("%8lld.%03lld %s\n", (long long)(s->now / 1000), (long long)(s->now % 1000), line);
}

void sim_fail(struct sim *s, const char *fmt, ...)
{
	va_list args;

	if (s->failed)
		return; /* the first one counts */
	s->failed = true;
	va_start(args, fmt);
	vsnprintf(s->failure, sizeof(s->failure), fmt, args);
	va_end(args);
	sim_trace(s, "FAILED %s", s->failure);
}

void sim_free(struct sim *s)
{
	gateway_free(s);
	while (s->n_heap > 0) {
		struct sim_event *e = pop(s);

		free(e->text);
		free(e);
	}
	free(s->heap);
	free(s->platform.rows);
	free(s->hub.rows);
	free(s->asks);
	free(s->visits);
	free(s->conns);
}
