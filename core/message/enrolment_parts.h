/* core/message/enrolment_parts.h - the form of the file, for enrolment.c and enrolment_load.c; nobody else includes it.
 *
 * It stays on the host that made it, so numbers are as the processor has them. */
#ifndef YT_MESSAGE_ENROLMENT_PARTS_H
#define YT_MESSAGE_ENROLMENT_PARTS_H

#include "message/enrolment.h"

#define ENROLMENT_MAGIC "YTENROL1"

struct enrolment_head {
	char magic[8];
	uint64_t n_rows;
	int64_t day, loaded_ms;
	uint8_t made_with[16]; /* hash of the party alone: tells the key */
	uint32_t rows_crc;     /* CRC32C */
	uint32_t zero[2];
	uint32_t head_crc; /* of all before it */
};

_Static_assert(sizeof(struct enrolment_head) == 64, "rows begin at 64");

/* HMAC-SM3(key, party LF digest), its first octets. */
int enrolment_hash(const struct enrolment_key *key, struct yt_str digest, uint8_t row[ENROLMENT_ROW]);

#endif
