/* core/engine/trace.h - who finds one request in several systems: W3C trace context and our eight letters.
 *
 * A request that comes with `traceparent` keeps its trace id on the way to a party; our eight letters are then made
 * from it, so that either finds the other without being stored: the letters follow from the id, and stand (as octets)
 * in the parent id of what we send.  Without one the id follows from the letters. */
#ifndef YT_ENGINE_TRACE_H
#define YT_ENGINE_TRACE_H

#include "yitong/plugin.h"

#define TRACE_PARENT_LEN 55 /* "00-<32 hex>-<16 hex>-<2 hex>" */

/* Reads the trace id (32 lower-case hexadecimal digits and NUL) out of one valid traceparent, W3C Trace Context 3.2.2;
 * false: there is none, or several. */
bool trace_from(const struct yt_header *headers, size_t n, char id[33]);
void trace_letters(const char id[33], char letters[9]); /* of an id */
/* What we send; id empty: made from the letters. */
void trace_parent(const char *id, const char letters[9], char out[TRACE_PARENT_LEN + 1]);

#endif
