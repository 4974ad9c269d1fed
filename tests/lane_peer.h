/* tests/lane_peer.h - what the tests of lanes share: the usual settings, and what was told of requests as one text. */
#ifndef LANE_PEER_H
#define LANE_PEER_H

#include "net/lane.h"
#include "net_peer.h"

#define NEVER_MS (PEER_NEVER_S * 1000)

/* To 127.0.0.1 over TLS as hospital-one, two connections, nothing that times out; port is for the test to set. */
struct lane_conf lane_usual_conf(const char *name);
/* Appends "1 answered 200 ok|" or "2 late lost|" to told; of the body most octets; without a status where there is
 * none. */
void lane_told(char *told, size_t size, uint64_t id, const struct lane_result *result, size_t most);

#endif
