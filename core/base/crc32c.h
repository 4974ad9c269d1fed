/* core/base/crc32c.h - the checksum (Castagnoli) that records on disk and in rings carry.
 *
 * Guards against torn writes and stray bytes, not against people: those are the hash chain's part. */
#ifndef YT_CRC32C_H
#define YT_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* crc: 0 to begin, or the result for the bytes before these: the checksum of a whole is that of its
 * parts in turn.  Uses the processor's instruction where it has one. */
uint32_t yt_crc32c(uint32_t crc, const void *p, size_t n);
/* The same without it, for tests and other processors. */
uint32_t yt_crc32c_software(uint32_t crc, const void *p, size_t n);

#endif
