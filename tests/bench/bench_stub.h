/* tests/bench/bench_stub.h - the answers of the stub: a province's platform (bench_nhsa.c) and, for messages between
 * provinces, the hub (bench_hub.c). */
#ifndef BENCH_STUB_H
#define BENCH_STUB_H

#include <stddef.h>
#include <stdint.h>

/* Answers to one body; number: how many answers were given before.  Return the length written, at most size. */
size_t nhsa_answer(char *out, size_t size, uint64_t number, const char *body, size_t n);
size_t hub_answer(char *out, size_t size, uint64_t number, const char *body, size_t n);

/* keys: folder with 310000.key, which signs what is asked with a signature.  Exits with a message on error. */
void hub_open(const char *keys);

#endif
