/* core/engine/trace.c - see trace.h. */
#include "engine/trace.h"

#include <string.h>
#include <strings.h>

#include "base/sha256.h"

static bool is_hex(const char *p, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (strchr("0123456789abcdef", p[i]) == NULL || p[i] == '\0')
			return false;
		any = any || p[i] != '0';
	}
	return any; /* all zeros stands for none */
}

bool trace_from(const struct yt_header *headers, size_t n, char id[33])
{
	const struct yt_header *found = NULL;
	const char *p;

	for (size_t i = 0; i < n; i++) {
		if (headers[i].name.n != 11 || strncasecmp(headers[i].name.p, "traceparent", 11) != 0)
			continue;
		if (found != NULL)
			return false;
		found = &headers[i];
	}
	if (found == NULL || found->value.n < TRACE_PARENT_LEN)
		return false;
	p = found->value.p;
	/* A version we do not know may say more behind its flags, after another '-'. */
	if (p[2] != '-' || p[35] != '-' || p[52] != '-' || strncmp(p, "ff", 2) == 0 || !is_hex(p + 3, 32) ||
	        !is_hex(p + 36, 16))
		return false;
	if (found->value.n > TRACE_PARENT_LEN && (strncmp(p, "00", 2) == 0 || p[TRACE_PARENT_LEN] != '-'))
		return false;
	memcpy(id, p + 3, 32);
	id[32] = '\0';
	return true;
}

void trace_letters(const char id[33], char letters[9])
{
	static const char all[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"; /* can be read out loud */
	struct yt_str part = { id, 32 };
	uint8_t digest[SHA256_LEN];

	yt_sha256(&part, 1, digest);
	for (size_t i = 0; i < 8; i++)
		letters[i] = all[digest[i] & 31];
	letters[8] = '\0';
}

/* By hand: printf() was a fiftieth of a settlement's CPU. */
static char *put_hex(char *out, const void *octets, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = octets;

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	return out;
}

void trace_parent(const char *id, const char letters[9], char out[TRACE_PARENT_LEN + 1])
{
	struct yt_str parts[] = { YT_STR("yitong trace "), { letters, 8 } };
	uint8_t digest[SHA256_LEN];
	char *at = out + 3;

	memcpy(out, "00-", 3);
	if (*id != '\0') {
		memcpy(at, id, 32);
		at += 32;
	} else {
		yt_sha256(parts, 2, digest);
		at = put_hex(at, digest, 16);
	}
	*at++ = '-';
	at = put_hex(at, letters, 8);
	memcpy(at, "-00", 4);
}
