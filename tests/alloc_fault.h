/* tests/alloc_fault.h - lets the n-th allocation of the code under test fail.
 *
 * For programs linked with --wrap=malloc,calloc,realloc (tests/CMakeLists.txt): calls made in our
 * objects come here, those of the C library and of cmocka do not.  Include once per program. */
#ifndef YT_TESTS_ALLOC_FAULT_H
#define YT_TESTS_ALLOC_FAULT_H

#include <stddef.h>

static int allocs_until_fault = -1; /* this many succeed, then one fails; negative: none fails */
static int n_allocs;                /* calls so far */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static int alloc_fails(void)
{
	n_allocs++;
	return allocs_until_fault >= 0 && allocs_until_fault-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return alloc_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return alloc_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return alloc_fails() ? NULL : __real_realloc(p, size);
}

#endif
