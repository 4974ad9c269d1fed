/* tests/http2_peer.h - one side of an HTTP/2 conversation, frame by frame, as a script.
 *
 * For test_http2.c's clients and test_lane_http2.c's parties; it knows no rule that the other side could be
 * protected by.
 * Steps of a script, parted by '|':
 *   H id flags name=value ...   HEADERS; flags: s END_STREAM, h END_HEADERS; ~ is a space, {R} a whole request
 *   C id flags name=value ...   CONTINUATION
 *   D id flags text             DATA; "*N" for N octets
 *   F type flags id hex         any frame (numbers in hex); "*N" for N zero octets
 *   X hex                       octets as they are
 *   Nx step ; step              N times over, % is 1, 3, 5, ...
 *   W text                      waits until text came
 *   ! at the beginning          no preface and SETTINGS before it
 * What comes is written so: "1:200 1+now" HEADERS and DATA, "1>/call" a request, "RST 1=7", "GOAWAY=1", "PONG", "ACK"
 * (of SETTINGS). */
#ifndef HTTP2_PEER_H
#define HTTP2_PEER_H

#include <nghttp2/nghttp2.h>

#include "net_peer.h"

struct h2_talk {
	struct peer peer;
	bool is_server, has_begun;
	size_t at;
	int n_together; /* the most messages that one record of TLS ended */
	nghttp2_hd_inflater *inflater;
	char text[16384]; /* what came so far */
};

void h2_begin(struct h2_talk *talk); /* then connect or accept talk->peer */
void h2_play(struct h2_talk *talk, const char *script);
void h2_wait(struct h2_talk *talk, const char *text); /* until it came, or the end: "END" */
void h2_end(struct h2_talk *talk);

#endif
