/* tests/fuzz_json.c - any octets at all, read by our reader and by jansson; they must agree.
 *
 * Run: build/fuzz/bin/fuzz_json tests/corpus-folder */
#include <stdio.h>
#include <stdlib.h>

#include "json_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct yt_arena *arena;
	const char *wrong;

	if (arena == NULL)
		arena = yt_arena_new(0);
	wrong = json_oracle(arena, (struct yt_str){ (const char *)data, size });
	if (wrong != NULL) {
		fprintf(stderr, "readers disagree: %s\n", wrong);
		abort();
	}
	yt_arena_reset(arena);
	return 0;
}
