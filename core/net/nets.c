/* core/net/nets.c - see nets.h: both families as 128 bits, compared from the left. */
#include "net/nets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }; /* RFC 4291 2.5.5.2 */

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

int net_range_parse(const char *text, struct net_range *out)
{
	const char *slash = strchr(text, '/');
	char address[46];
	unsigned bits, most;
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);

	memset(out, 0, sizeof(*out));
	if (n >= sizeof(address))
		return YT_EFORMAT;
	memcpy(address, text, n);
	address[n] = '\0';
	memcpy(out->address, mapped, sizeof(mapped));
	most = 32;
	if (inet_pton(AF_INET, address, out->address + 12) != 1) {
		most = 128;
		if (inet_pton(AF_INET6, address, out->address) != 1)
			return YT_EFORMAT;
	}
	bits = most;
	if (slash != NULL) {
		char *end;

		if (slash[1] < '0' || slash[1] > '9')
			return YT_EFORMAT;
		bits = (unsigned)strtoul(slash + 1, &end, 10);
		if (*end != '\0' || bits > most)
			return YT_EFORMAT;
	}
	out->bits = (uint8_t)(bits + 128 - most);
	for (unsigned i = out->bits; i < 128; i++) {
		if ((out->address[i / 8] >> (7 - i % 8) & 1) != 0)
			return YT_EFORMAT;
	}
	return 0;
}

bool net_range_has(const struct net_range *range, const struct sockaddr *address)
{
	uint8_t all[16];

	if (address->sa_family == AF_INET) {
		memcpy(all, mapped, sizeof(mapped));
		memcpy(all + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		memcpy(all, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
	} else {
		return false;
	}
	return same_bits(range->address, all, range->bits);
}

bool net_range_is_inside(const struct net_range *range, const struct net_range *wide)
{
	return range->bits >= wide->bits && same_bits(range->address, wide->address, wide->bits);
}

bool net_range_is_private(const struct net_range *range)
{
	static const char *const private[] = { "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1",
		"fc00::/7" };

	for (size_t i = 0; i < sizeof(private) / sizeof(private[0]); i++) {
		struct net_range p;

		if (net_range_parse(private[i], &p) == 0 && net_range_is_inside(range, &p))
			return true;
	}
	return false;
}
