/* core/net/nets.h - address ranges as 10.1.0.0/16: who may connect to a listener without TLS.
 *
 * conf_check.c reads and judges them, server.c asks at each accept. */
#ifndef YT_NET_NETS_H
#define YT_NET_NETS_H

#include <sys/socket.h>

#include "yitong/base.h"

struct net_range {
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint8_t bits;        /* of the 128 that count */
};

/* "10.1.0.0/16", "192.168.3.7", "fd00::/8".  YT_EFORMAT: no such thing, or bits behind the mask are set. */
int net_range_parse(const char *text, struct net_range *out);
bool net_range_has(const struct net_range *range, const struct sockaddr *address);
bool net_range_is_inside(const struct net_range *range, const struct net_range *wide);
/* All of it is loopback, private (RFC 1918), or unique local (RFC 4193). */
bool net_range_is_private(const struct net_range *range);

#endif
