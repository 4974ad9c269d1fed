/* tests/test_ring.c - the shared memory of worker and keeper (process/ring.h): what is put is got, and what a
 * hostile worker does to it harms only itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
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
			talk = (struct talk){ .seq = seq + 1, .exchange = seq * 3, .kind = UP_NOTE,
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
		assert_int_equal(ring_put(area.up, area.ring_bytes, &talk, -1), YT_ENOSPC); /* read is not yet given back */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size_is_fixed),
		cmocka_unit_test(test_put_get),
		cmocka_unit_test(test_altered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
