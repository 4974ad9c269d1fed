/* tests/lane_peer.c - the settings and the words of lane_peer.h. */
#include "lane_peer.h"

#include <stdio.h>
#include <string.h>

struct lane_conf lane_usual_conf(const char *name)
{
	static char ca[160], cert[160], key[160];

	snprintf(ca, sizeof(ca), "%s", pki_cert("ca"));
	snprintf(cert, sizeof(cert), "%s", pki_cert("hospital-one"));
	snprintf(key, sizeof(key), "%s", pki_key("hospital-one"));
	return (struct lane_conf){ .name = name,
		.host = "127.0.0.1",
		.ca_file = ca,
		.cert_file = cert,
		.key_file = key,
		.connections = 2,
		.queue = 4,
		.connect_ms = NEVER_MS,
		.idle_ms = NEVER_MS,
		.response_bytes = 1000,
		.late_ms = NEVER_MS };
}

void lane_told(char *told, size_t size, uint64_t id, const struct lane_result *result, size_t most)
{
	static const char *const ends[] = { "", "not sent", "answered", "lost", "timed out" };
	struct yt_str body = { result->body.p, result->body.n < most ? result->body.n : most };
	size_t n = strlen(told);

	n += (size_t)snprintf(told + n, size - n, "%d %s%s", (int)id, result->late ? "late " : "", ends[result->end]);
	if (result->end == LANE_ANSWERED && result->status != 0)
		n += (size_t)snprintf(told + n, size - n, " %d", result->status);
	if (result->end == LANE_ANSWERED)
		n += (size_t)snprintf(told + n, size - n, " %.*s", YT_FMT(body));
	snprintf(told + n, size - n, "|");
}
