/* tests/fuzz_record.c - rec_read() and rec_next() on hostile bytes: a worker's ring may hold anything. */
#include <stdlib.h>

#include "journal/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yt_str bytes = { (const char *)data, size };
	struct rec rec;
	size_t used;

	while (rec_read(bytes, &rec, &used) == 0) {
		struct rec_field field;
		size_t pos = 0, n = 0;

		while (rec_next(&rec, &pos, &field)) {
			volatile char last = field.value.n > 0 ? field.value.p[field.value.n - 1] : 0;

			(void)last;
			(void)rec_tag_name(field.tag);
			n++;
		}
		if (n != rec.n || pos > used || used > bytes.n)
			abort();
		(void)rec_get_u64(&rec, REC_T_JOINS);
		(void)rec_type_name(rec.type);
		bytes.p += used;
		bytes.n -= used;
	}
	return 0;
}
