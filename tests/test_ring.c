/* tests/test_ring.c - the shared memory of worker and keeper (process/ring.h): what is put is got, and what a
 * hostile worker does to it harms only itself. */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/ring.h"

static int new_area(struct area *area)
{
	int fd = area_make(1);

	assert_true(fd >= 0);
	memset(area, 0, sizeof(*area));
	assert_int_equal(area_map(area, fd), 0);
	return fd;
}

/* limits.ring_mib may be any number. */
static void test_sizes(void **state)
{
	static const struct {
		uint32_t mib, is_mib;
	} sizes[] = { { 1, 1 }, { 4, 4 }, { 5, 8 }, { 1000, 1024 } };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct area area = { 0 };
		int fd = area_make(sizes[i].mib);

		assert_true(fd >= 0);
		assert_int_equal(area_map(&area, fd), 0);
		assert_int_equal(area.ring_bytes, sizes[i].is_mib << 20);
		area_unmap(&area);
		close(fd);
	}
}

/* A worker holds the descriptor: it must not be able to take the memory from under the others. */
static void test_size_is_fixed(void **state)
{
	struct area area;
	int fd = new_area(&area);
	off_t size = lseek(fd, 0, SEEK_END);

	assert_int_not_equal(ftruncate(fd, 0), 0);
	assert_int_not_equal(ftruncate(fd, size + 4096), 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), size);
	area.board->incarnation = 1; /* still there */
	area_unmap(&area);
	close(fd);
}

/* Round and round: messages of many sizes, over the end of the buffer, until it was full several times. */
static void test_put_get(void **state)
{
	static uint8_t octets[100000];
	struct ring_reader reader;
	struct area area;
	struct talk talk, got;
	int fd = new_area(&area);
	uint64_t seq = 0, read = 0;
	size_t i;
	int rv;

	for (i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(i * 7);
	ring_reader_init(&reader, area.up, area.ring_bytes);
	while (read < 500) {
		do {
			talk = (struct talk){ .seq = seq + 1,
				.exchange = seq * 3,
				.kind = UP_NOTE,
				.payload = { (const char *)octets, (seq * 997) % sizeof(octets) } };
			rv = ring_put(area.up, area.ring_bytes, &talk, -1);
			if (rv == 0)
				seq++;
		} while (rv == 0);
		assert_int_equal(rv, YT_ENOSPC);
		while (ring_get(&reader, &got) == 0) {
			assert_int_equal(got.seq, read + 1);
			assert_int_equal(got.exchange, read * 3);
			assert_int_equal(got.payload.n, (read * 997) % sizeof(octets));
			assert_memory_equal(got.payload.p, octets, got.payload.n);
			read++;
		}
		assert_int_equal(read, seq);
		assert_int_equal(
		        ring_put(area.up, area.ring_bytes, &talk, -1), YT_ENOSPC); /* read is not yet given back */
		ring_release(&reader, reader.at);
	}
	talk.payload.n = area.ring_bytes;
	assert_int_equal(ring_put(area.up, area.ring_bytes, &talk, -1), YT_ELIMIT);
	ring_reader_free(&reader);
	area_unmap(&area);
	close(fd);
}

/* Every byte of a message, altered by its writer after the fact, is found out; nothing is read beyond. */
static void test_altered(void **state)
{
	struct ring_reader reader;
	struct area area;
	struct talk talk = { .seq = 1, .exchange = 2, .kind = UP_NOTE, .payload = YT_STR("payload!") }, got;
	int fd = new_area(&area);
	size_t i, len = 32 + 8;
	uint8_t *at;

	ring_reader_init(&reader, area.up, area.ring_bytes);
	assert_int_equal(ring_put(area.up, area.ring_bytes, &talk, -1), 0);
	at = memmem(area.up, 4096, "payload!", 8);
	assert_non_null(at);
	at -= 32;
	for (i = 0; i < len; i++) {
		at[i] ^= 0x40;
		if (ring_get(&reader, &got) != YT_ECORRUPT)
			fail_msg("byte %zu: altered and not found out", i);
		at[i] ^= 0x40;
	}
	assert_int_equal(ring_get(&reader, &got), 0);
	ring_reader_free(&reader);
	area_unmap(&area);
	close(fd);
}

/* -- a hostile writer ---------------------------------------------------------------------------- */

#define PLACE_HEAD 0 /* of struct ring, ring.c */
#define PLACE_DATA 192
#define PLACE_LEN PLACE_DATA
#define PLACE_PAYLOAD (PLACE_DATA + 28) /* its length, in the message's head */

/* What a worker may write where it must not, and must be killed for.  The reader stands at byte 0, one message of
 * 40 bytes is there. */
static const struct hostile_case {
	const char *it;
	size_t place;
	uint64_t value;
	size_t size;
} hostile_cases[] = {
	{ "a head behind the reader", PLACE_HEAD, UINT64_MAX - 7, 8 },
	{ "a head a ring and more away", PLACE_HEAD, (1 << 20) + 8, 8 },
	{ "a head inside a message's head", PLACE_HEAD, 16, 8 },
	{ "a head inside a message", PLACE_HEAD, 32, 8 },
	{ "no length", PLACE_LEN, 0, 4 },
	{ "a length below its own head", PLACE_LEN, 24, 4 },
	{ "a length that is not a multiple of 8", PLACE_LEN, 39, 4 },
	{ "a length beyond what was written", PLACE_LEN, 48, 4 },
	{ "the largest length", PLACE_LEN, 0xfffffff8u, 4 },
	{ "a payload beyond its message", PLACE_PAYLOAD, 9, 4 },
	{ "the largest payload", PLACE_PAYLOAD, 0xffffffffu, 4 },
	{ "a payload cut short", PLACE_PAYLOAD, 7, 4 },
};

static void test_hostile(void **state)
{
	const struct hostile_case *row = *state;
	struct ring_reader reader;
	struct area area;
	struct talk talk = { .seq = 1, .exchange = 2, .kind = UP_NOTE, .payload = YT_STR("payload!") }, got;
	int fd = new_area(&area);
	uint8_t kept[8];

	ring_reader_init(&reader, area.up, area.ring_bytes);
	assert_int_equal(ring_put(area.up, area.ring_bytes, &talk, -1), 0);
	assert_memory_equal((uint8_t *)area.up + PLACE_DATA + 32, "payload!", 8); /* the places above are right */
	memcpy(kept, (uint8_t *)area.up + row->place, row->size);
	memcpy((uint8_t *)area.up + row->place, &row->value, row->size); /* little-endian, as all this is */
	assert_int_equal(ring_get(&reader, &got), YT_ECORRUPT);
	assert_int_equal(reader.at, 0);
	memcpy((uint8_t *)area.up + row->place, kept, row->size);
	assert_int_equal(ring_get(&reader, &got), 0);
	ring_reader_free(&reader);
	area_unmap(&area);
	close(fd);
}

/* What was not given back is read again by the next keeper, and only that. */
static void test_read_again(void **state)
{
	struct ring_reader reader;
	struct area area;
	struct talk talk = { .kind = UP_NOTE, .payload = YT_STR("payload!") }, got;
	int fd = new_area(&area);
	uint64_t durable, seq;

	ring_reader_init(&reader, area.up, area.ring_bytes);
	for (talk.seq = 1; talk.seq <= 6; talk.seq++)
		assert_int_equal(ring_put(area.up, area.ring_bytes, &talk, -1), 0);
	assert_int_equal(ring_get(&reader, &got), 0);
	assert_int_equal(ring_get(&reader, &got), 0);
	durable = reader.at;
	assert_int_equal(ring_get(&reader, &got), 0);
	assert_int_equal(ring_get(&reader, &got), 0);
	ring_release(&reader, durable);
	ring_reader_free(&reader); /* the keeper dies here */
	ring_reader_init(&reader, area.up, area.ring_bytes);
	for (seq = 3; seq <= 6; seq++) {
		assert_int_equal(ring_get(&reader, &got), 0);
		assert_int_equal(got.seq, seq);
	}
	assert_int_equal(ring_get(&reader, &got), YT_ENOTFOUND);
	ring_reader_free(&reader);
	area_unmap(&area);
	close(fd);
}

/* -- two processes at once ----------------------------------------------------------------------- */

#define HAMMERED 20000
#define SMALL 1024 /* bytes of ring, so that it is full and empty all the time */

struct writer {
	struct area *area;
	int wake;
	_Atomic uint64_t read;
};

/* A little while, another one each time: the two meet at every distance. */
static void dally(uint64_t n)
{
	volatile uint64_t i;

	for (i = n * 7919 % 256; i > 0; i--)
		;
}

static void *write_all(void *arg)
{
	struct writer *w = arg;
	uint64_t seq;

	for (seq = 1; seq <= HAMMERED; seq++) {
		struct talk talk = { .seq = seq, .kind = UP_NOTE, .payload = { "0123456789abcdef", seq % 17 } };

		while (ring_put(w->area->up, SMALL, &talk, w->wake) != 0)
			sched_yield();
		while ((seq & 512) && w->read < seq) /* one at a time now: nothing but its wake-up helps the reader */
			;
	}
	return NULL;
}

/* A reader that goes to sleep on an empty ring is always woken: it waits for its eventfd and for nothing else. */
static void test_wakes(void **state)
{
	struct ring_reader reader;
	struct area area;
	struct talk got;
	int fd = new_area(&area);
	struct writer writer = { &area, eventfd(0, EFD_NONBLOCK), 0 };
	struct pollfd poll_fd = { .fd = writer.wake, .events = POLLIN };
	pthread_t thread;
	uint64_t seq = 0, n;
	int rv;

	ring_reader_init(&reader, area.up, SMALL);
	assert_int_equal(pthread_create(&thread, NULL, write_all, &writer), 0);
	while (seq < HAMMERED) {
		while ((rv = ring_get(&reader, &got)) == 0) {
			assert_int_equal(got.seq, ++seq);
			assert_int_equal(got.payload.n, seq % 17);
			ring_release(&reader, reader.at);
			writer.read = seq;
			dally(seq);
		}
		assert_int_equal(rv, YT_ENOTFOUND);
		if (seq < HAMMERED && poll(&poll_fd, 1, 20000) != 1)
			fail_msg("asleep for ever after message %llu", (unsigned long long)seq);
		(void)!read(writer.wake, &n, sizeof(n));
	}
	pthread_join(thread, NULL);
	ring_reader_free(&reader);
	area_unmap(&area);
	close(writer.wake);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_size_is_fixed),
		cmocka_unit_test(test_put_get),
		cmocka_unit_test(test_altered),
		cmocka_unit_test(test_read_again),
		cmocka_unit_test(test_wakes),
	};
	struct CMUnitTest hostile[sizeof(hostile_cases) / sizeof(hostile_cases[0])];
	size_t i;

	for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
		hostile[i] = (struct CMUnitTest){ hostile_cases[i].it, test_hostile, NULL, NULL,
			(void *)(uintptr_t)&hostile_cases[i] };
	return cmocka_run_group_tests(tests, NULL, NULL) + cmocka_run_group_tests(hostile, NULL, NULL);
}
