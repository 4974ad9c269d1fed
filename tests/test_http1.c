/* tests/test_http1.c - what the HTTP/1.1 reader (core/net/http1.c) takes and what it refuses.
 *
 * Each row is one input; it is fed whole, byte by byte and split in two at every place, and the result
 * must be the same.  fuzz_http1.c asks the same of inputs nobody thought of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hostile_http.h"
#include "net/http1.h"

#define HEAD_BYTES 512
#define FIELDS 8
#define BODY_BYTES 64
#define H "Host: a.cn\r\n"
#define POST "POST /p HTTP/1.1\r\n" H
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define X8 "xxxxxxxx"
#define X64 X8 X8 X8 X8 X8 X8 X8 X8
#define BYTES(literal) (literal), sizeof(literal) - 1

struct row {
	const char *it; /* completes "a request ..." or "an answer ..." */
	const char *bytes;
	size_t n;
	int want;         /* 0: not whole; 1: whole; else the refusal's status */
	const char *body; /* when whole */
	const char *rest; /* bytes after it; NULL: none */
};

static const struct row requests[] = {
	/* taken */
	{ "may be the least one", BYTES("GET / HTTP/1.1\r\n" H "\r\n"), 1, "", NULL },
	{ "may have a counted body", BYTES(POST "Content-Length: 5\r\n\r\nhello"), 1, "hello", NULL },
	{ "may have a body of no bytes", BYTES(POST "Content-Length: 0\r\n\r\n"), 1, "", NULL },
	{ "may have no body at all", BYTES(POST "\r\n"), 1, "", NULL },
	{ "may have the largest body", BYTES(POST "Content-Length: 64\r\n\r\n" X64), 1, X64, NULL },
	{ "leaves what follows it", BYTES(POST "Content-Length: 1\r\n\r\naGET /"), 1, "a", "GET /" },
	{ "may be chunked", BYTES(CHUNKED "3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n"), 1, "abc0123456789", NULL },
	{ "may be chunked in any case", BYTES(POST "transfer-encoding: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\nG"), 1, "a",
	        "G" },
	{ "may have chunk extensions", BYTES(CHUNKED "1;a;b=c;d=\"e\\\"f\"\r\na\r\n0;z\r\n\r\n"), 1, "a", NULL },
	{ "may have trailers, which are forgotten", BYTES(CHUNKED "0\r\nDigest: x\r\n\r\nrest"), 1, "", "rest" },
	{ "may be chunked up to the body's limit", BYTES(CHUNKED "40\r\n" X64 "\r\n0\r\n\r\n"), 1, X64, NULL },
	{ "may have blanks around a value", BYTES("GET / HTTP/1.1\r\nHost:\t a.cn \t\r\n\r\n"), 1, "", NULL },
	{ "may have an empty value", BYTES("GET / HTTP/1.1\r\n" H "X:\r\n\r\n"), 1, "", NULL },
	{ "may have octets above ASCII in a value", BYTES("GET / HTTP/1.1\r\n" H "X: \xd6\xd0\r\n\r\n"), 1, "", NULL },
	{ "may be HTTP/1.0 without Host", BYTES("GET / HTTP/1.0\r\n\r\n"), 1, "", NULL },
	{ "may follow one empty line", BYTES("\r\nGET / HTTP/1.1\r\n" H "\r\n"), 1, "", NULL },
	{ "may be in absolute form for its Host", BYTES("GET http://A.cn/x HTTP/1.1\r\n" H "\r\n"), 1, "", NULL },
	{ "may name a port", BYTES("GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n"), 1, "", NULL },
	{ "may ask for options of all", BYTES("OPTIONS * HTTP/1.1\r\n" H "\r\n"), 1, "", NULL },
	{ "may have escapes", BYTES("GET /a%20b?c=%E4 HTTP/1.1\r\n" H "\r\n"), 1, "", NULL },
	{ "may expect 100", BYTES(POST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\na"), 1, "a", NULL },
	/* not whole */
	{ "waits for its body", BYTES(POST "Content-Length: 5\r\n\r\nhell"), 0, NULL, NULL },
	{ "waits for its head", BYTES(POST), 0, NULL, NULL },
	{ "waits for its last chunk", BYTES(CHUNKED "1\r\na\r\n"), 0, NULL, NULL },
	{ "waits for the end of a chunk", BYTES(CHUNKED "1\r\na\r"), 0, NULL, NULL },
	{ "waits for the end of its trailers", BYTES(CHUNKED "0\r\nA: b\r\n"), 0, NULL, NULL },
	/* framing: two readers could see two different requests */
	{ "with both lengths is refused",
	        BYTES(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400, NULL, NULL },
	{ "with both, the other way round, is refused",
	        BYTES(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"), 400, NULL, NULL },
	{ "with two lengths is refused", BYTES(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"), 400, NULL,
	        NULL },
	{ "with one length twice is refused", BYTES(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"), 400,
	        NULL, NULL },
	{ "with a list of lengths is refused", BYTES(POST "Content-Length: 5, 5\r\n\r\nhello"), 400, NULL, NULL },
	{ "with a signed length is refused", BYTES(POST "Content-Length: +5\r\n\r\nhello"), 400, NULL, NULL },
	{ "with a negative length is refused", BYTES(POST "Content-Length: -5\r\n\r\nhello"), 400, NULL, NULL },
	{ "with a negative nought is refused", BYTES(POST "Content-Length: -0\r\n\r\n"), 400, NULL, NULL },
	{ "with a hexadecimal length is refused", BYTES(POST "Content-Length: 0x5\r\n\r\nhello"), 400, NULL, NULL },
	{ "with a length with a blank in it is refused", BYTES(POST "Content-Length: 1 0\r\n\r\nhello"), 400, NULL,
	        NULL },
	{ "with a length with underscores is refused", BYTES(POST "Content-Length: 1_0\r\n\r\nhello"), 400, NULL,
	        NULL },
	{ "with a fraction of a length is refused", BYTES(POST "Content-Length: 5.0\r\n\r\nhello"), 400, NULL, NULL },
	{ "with an octal-looking length is refused", BYTES(POST "Content-Length: 010\r\n\r\n12345678"), 400, NULL,
	        NULL },
	{ "with an empty length is refused", BYTES(POST "Content-Length:\r\n\r\n"), 400, NULL, NULL },
	{ "with a length beyond 64 bits is refused", BYTES(POST "Content-Length: 18446744073709551621\r\n\r\nhello"),
	        400, NULL, NULL },
	{ "with a vertical tab in its length is refused", BYTES(POST "Content-Length: \v5\r\n\r\nhello"), 400, NULL,
	        NULL },
	{ "with a no-break blank in its length is refused",
	        BYTES(POST "Content-Length: \xa0"
	                   "5\r\n\r\nhello"),
	        400, NULL, NULL },
	{ "with two encodings is refused",
	        BYTES(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400, NULL,
	        NULL },
	{ "with an encoding before chunked is refused", BYTES(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
	        400, NULL, NULL },
	{ "with chunked twice in a list is refused", BYTES(POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
	        400, NULL, NULL },
	{ "with chunked not last is refused", BYTES(POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"), 400,
	        NULL, NULL },
	{ "with an unknown encoding is refused", BYTES(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), 501, NULL,
	        NULL },
	{ "with identity encoding is refused", BYTES(POST "Transfer-Encoding: identity\r\n\r\n"), 501, NULL, NULL },
	{ "with a control in its encoding is refused", BYTES(POST "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n"), 400,
	        NULL, NULL },
	{ "with a quoted encoding is refused", BYTES(POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"), 400, NULL,
	        NULL },
	{ "with an encoding's parameter is refused", BYTES(POST "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"), 400,
	        NULL, NULL },
	{ "with an empty encoding is refused", BYTES(POST "Transfer-Encoding:\r\n\r\n"), 400, NULL, NULL },
	{ "of HTTP/1.0 with an encoding is refused",
	        BYTES("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400, NULL, NULL },
	{ "other than POST and PUT with a body is refused", BYTES("GET / HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\na"),
	        400, NULL, NULL },
	{ "other than POST and PUT with chunks is refused",
	        BYTES("GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400, NULL, NULL },
	/* chunks */
	{ "with a signed chunk size is refused", BYTES(CHUNKED "+1\r\na\r\n0\r\n\r\n"), 400, NULL, NULL },
	{ "with a negative chunk size is refused", BYTES(CHUNKED "-1\r\na\r\n0\r\n\r\n"), 400, NULL, NULL },
	{ "with 0x in a chunk size is refused", BYTES(CHUNKED "0x1\r\na\r\n0\r\n\r\n"), 400, NULL, NULL },
	{ "with an underscore in a chunk size is refused", BYTES(CHUNKED "1_0\r\n0123456789abcdef\r\n0\r\n\r\n"), 400,
	        NULL, NULL },
	{ "with a blank before a chunk size is refused", BYTES(CHUNKED " 1\r\na\r\n0\r\n\r\n"), 400, NULL, NULL },
	{ "with a blank after a chunk size is refused", BYTES(CHUNKED "1 \r\na\r\n0\r\n\r\n"), 400, NULL, NULL },
	{ "with an empty chunk size is refused", BYTES(CHUNKED "\r\na\r\n0\r\n\r\n"), 400, NULL, NULL },
	{ "with a chunk size beyond 64 bits is refused", BYTES(CHUNKED "10000000000000001\r\na\r\n0\r\n\r\n"), 400,
	        NULL, NULL },
	{ "with the largest chunk size is refused", BYTES(CHUNKED "ffffffffffffffff\r\na\r\n0\r\n\r\n"), 413, NULL,
	        NULL },
	{ "with a bare LF after a chunk size is refused", BYTES(CHUNKED "1\na\r\n0\r\n\r\n"), 400, NULL, NULL },
	{ "with a bare CR after a chunk size is refused", BYTES(CHUNKED "1\ra\r\n0\r\n\r\n"), 400, NULL, NULL },
	{ "with a bare LF after chunk data is refused", BYTES(CHUNKED "1\r\na\n0\r\n\r\n"), 400, NULL, NULL },
	{ "with chunk data longer than its size is refused", BYTES(CHUNKED "1\r\nab\r\n0\r\n\r\n"), 400, NULL, NULL },
	{ "with chunk data shorter than its size is refused", BYTES(CHUNKED "5\r\nabc\r\n0\r\n\r\n"), 400, NULL, NULL },
	{ "with an unfinished chunk extension is refused", BYTES(CHUNKED "1;\r\na\r\n0\r\n\r\n"), 400, NULL, NULL },
	{ "with a bare LF in a chunk extension is refused", BYTES(CHUNKED "1;a\nb\r\na\r\n0\r\n\r\n"), 400, NULL,
	        NULL },
	{ "with a bare CR in a chunk extension is refused", BYTES(CHUNKED "1;a\rb\r\na\r\n0\r\n\r\n"), 400, NULL,
	        NULL },
	{ "with an open quote in a chunk extension is refused", BYTES(CHUNKED "1;a=\"b\r\na\r\n0\r\n\r\n"), 400, NULL,
	        NULL },
	{ "with a blank in a chunk extension is refused", BYTES(CHUNKED "1 ; a=b\r\na\r\n0\r\n\r\n"), 400, NULL, NULL },
	{ "with an endless chunk line is refused", BYTES(CHUNKED "1;" X64 X64 X64 X64), 400, NULL, NULL },
	{ "with a chunk extension of 300 octets is refused", BYTES(CHUNKED "1;" X64 X64 X64 X64 X64 "\r\na\r\n"), 400,
	        NULL, NULL },
	{ "with chunk extensions beyond the head's limit is refused",
	        BYTES(CHUNKED "1;" X64 X64 X64 "\r\na\r\n1;" X64 X64 X64 "\r\na\r\n1;" X64 X64 X64 "\r\na\r\n"), 400,
	        NULL, NULL },
	{ "with a length in a trailer is refused", BYTES(CHUNKED "0\r\nContent-Length: 5\r\n\r\n"), 400, NULL, NULL },
	{ "with an encoding in a trailer is refused", BYTES(CHUNKED "0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400,
	        NULL, NULL },
	{ "with a malformed trailer is refused", BYTES(CHUNKED "0\r\nA : b\r\n\r\n"), 400, NULL, NULL },
	{ "with a bare LF after its trailers is refused", BYTES(CHUNKED "0\r\n\n"), 400, NULL, NULL },
	{ "with too many trailers is refused",
	        BYTES(CHUNKED "0\r\na:\r\nb:\r\nc:\r\nd:\r\ne:\r\nf:\r\ng:\r\nh:\r\ni:\r\n\r\n"), 431, NULL, NULL },
	{ "with too long trailers is refused", BYTES(CHUNKED "0\r\na: " X64 X64 X64 X64 X64 X64 X64 X64 "\r\n\r\n"),
	        431, NULL, NULL },
	/* lines and fields */
	{ "with bare LF is refused", BYTES("GET / HTTP/1.1\n" H "\r\n"), 400, NULL, NULL },
	{ "with bare LF after a field is refused", BYTES("GET / HTTP/1.1\r\nHost: a.cn\n\r\n"), 400, NULL, NULL },
	{ "with bare LF at the head's end is refused", BYTES("GET / HTTP/1.1\r\n" H "\n"), 400, NULL, NULL },
	{ "with a bare CR in a value is refused", BYTES("GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n"), 400, NULL, NULL },
	{ "with CR CR LF is refused", BYTES("GET / HTTP/1.1\r\n" H "X: a\r\r\n\r\n"), 400, NULL, NULL },
	{ "with a NUL in a value is refused", BYTES("GET / HTTP/1.1\r\n" H "X: a\0b\r\n\r\n"), 400, NULL, NULL },
	{ "with a control in a value is refused",
	        BYTES("GET / HTTP/1.1\r\n" H "X: a\x01"
	              "b\r\n\r\n"),
	        400, NULL, NULL },
	{ "with DEL in a value is refused", BYTES("GET / HTTP/1.1\r\n" H "X: \x7f\r\n\r\n"), 400, NULL, NULL },
	{ "with a folded field is refused", BYTES("GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n"), 400, NULL, NULL },
	{ "with a field folded by a tab is refused", BYTES("GET / HTTP/1.1\r\n" H "X: a\r\n\tb\r\n\r\n"), 400, NULL,
	        NULL },
	{ "with a blank before its first field is refused", BYTES("GET / HTTP/1.1\r\n Host: a.cn\r\n\r\n"), 400, NULL,
	        NULL },
	{ "with a blank before a colon is refused", BYTES("POST / HTTP/1.1\r\n" H "Content-Length : 5\r\n\r\nhello"),
	        400, NULL, NULL },
	{ "with a tab before a colon is refused", BYTES("POST / HTTP/1.1\r\n" H "Content-Length\t: 5\r\n\r\nhello"),
	        400, NULL, NULL },
	{ "with an empty field name is refused", BYTES("GET / HTTP/1.1\r\n" H ": a\r\n\r\n"), 400, NULL, NULL },
	{ "with a field without colon is refused", BYTES("GET / HTTP/1.1\r\n" H "abc\r\n\r\n"), 400, NULL, NULL },
	{ "with a NUL in a field name is refused", BYTES("POST / HTTP/1.1\r\n" H "Content-Length\0: 5\r\n\r\n"), 400,
	        NULL, NULL },
	{ "with brackets in a field name is refused", BYTES("GET / HTTP/1.1\r\n" H "a[b]: c\r\n\r\n"), 400, NULL,
	        NULL },
	{ "with octets above ASCII in a name is refused", BYTES("GET / HTTP/1.1\r\n" H "\xc3\xa9: c\r\n\r\n"), 400,
	        NULL, NULL },
	{ "expecting something else is refused", BYTES(POST "Expect: 200-ok\r\n\r\n"), 417, NULL, NULL },
	/* the request line */
	{ "after two empty lines is refused", BYTES("\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL },
	{ "with two blanks in its line is refused", BYTES("GET  / HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL },
	{ "with a tab in its line is refused", BYTES("GET\t/ HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL },
	{ "with a blank after its version is refused", BYTES("GET / HTTP/1.1 \r\n" H "\r\n"), 400, NULL, NULL },
	{ "with a blank before its method is refused", BYTES(" GET / HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL },
	{ "with a method that is no token is refused", BYTES("G(T / HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL },
	{ "with a method of 33 letters is refused", BYTES("GETTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT / HTTP/1.1\r\n" H "\r\n"),
	        501, NULL, NULL },
	{ "to connect is refused", BYTES("CONNECT a.cn:443 HTTP/1.1\r\n" H "\r\n"), 501, NULL, NULL },
	{ "with a blank in its target is refused", BYTES("GET /a b HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL },
	{ "with a fragment is refused", BYTES("GET /a#b HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL },
	{ "with a control in its target is refused", BYTES("GET /a\x01 HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL },
	{ "with a NUL in its target is refused", BYTES("GET /a\0b HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL },
	{ "with octets above ASCII in its target is refused", BYTES("GET /\xe4 HTTP/1.1\r\n" H "\r\n"), 400, NULL,
	        NULL },
	{ "with a broken escape is refused", BYTES("GET /%4 HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL },
	{ "with an escape of no hex is refused", BYTES("GET /%zz HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL },
	{ "with a backslash in its target is refused", BYTES("GET /a\\b HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL },
	{ "with a target of no slash is refused", BYTES("GET a HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL },
	{ "with a star for all but options is refused", BYTES("GET * HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL },
	{ "of no version is refused", BYTES("GET /\r\n\r\n"), 400, NULL, NULL },
	{ "of HTTP/2.0 is refused", BYTES("GET / HTTP/2.0\r\n" H "\r\n"), 505, NULL, NULL },
	{ "of HTTP/1.2 is refused", BYTES("GET / HTTP/1.2\r\n" H "\r\n"), 505, NULL, NULL },
	{ "that is HTTP/2's preface is refused", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505, NULL, NULL },
	{ "of HTTP/1.10 is refused", BYTES("GET / HTTP/1.10\r\n" H "\r\n"), 400, NULL, NULL },
	{ "of http/1.1 is refused", BYTES("GET / http/1.1\r\n" H "\r\n"), 400, NULL, NULL },
	{ "of HTTP/1,1 is refused", BYTES("GET / HTTP/1,1\r\n" H "\r\n"), 400, NULL, NULL },
	{ "that is a TLS greeting is refused", BYTES("\x16\x03\x01\x02\n"), 400, NULL, NULL },
	/* Host */
	{ "without Host is refused", BYTES("GET / HTTP/1.1\r\n\r\n"), 400, NULL, NULL },
	{ "with two Hosts is refused", BYTES("GET / HTTP/1.1\r\n" H H "\r\n"), 400, NULL, NULL },
	{ "with an empty Host is refused", BYTES("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400, NULL, NULL },
	{ "with a path in its Host is refused", BYTES("GET / HTTP/1.1\r\nHost: a.cn/b\r\n\r\n"), 400, NULL, NULL },
	{ "with a user in its Host is refused", BYTES("GET / HTTP/1.1\r\nHost: u@a.cn\r\n\r\n"), 400, NULL, NULL },
	{ "with a list of Hosts is refused", BYTES("GET / HTTP/1.1\r\nHost: a.cn, b.cn\r\n\r\n"), 400, NULL, NULL },
	{ "with a bad port is refused", BYTES("GET / HTTP/1.1\r\nHost: a.cn:x\r\n\r\n"), 400, NULL, NULL },
	{ "with an open bracket in its Host is refused", BYTES("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"), 400, NULL,
	        NULL },
	{ "with another host in its target is refused", BYTES("GET http://b.cn/ HTTP/1.1\r\n" H "\r\n"), 400, NULL,
	        NULL },
	{ "with a user in its target is refused", BYTES("GET http://u@a.cn/ HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL },
	{ "in absolute form without path is refused", BYTES("GET http://a.cn HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL },
	/* limits */
	{ "with a body beyond the limit is refused", BYTES(POST "Content-Length: 65\r\n\r\n"), 413, NULL, NULL },
	{ "with chunks beyond the limit is refused", BYTES(CHUNKED "40\r\n" X64 "\r\n1\r\na\r\n0\r\n\r\n"), 413, NULL,
	        NULL },
	{ "with as many fields as may be is taken",
	        BYTES("GET / HTTP/1.1\r\n" H "a:\r\nb:\r\nc:\r\nd:\r\ne:\r\nf:\r\ng:\r\n\r\n"), 1, "", NULL },
	{ "with one field more is refused",
	        BYTES("GET / HTTP/1.1\r\n" H "a:\r\nb:\r\nc:\r\nd:\r\ne:\r\nf:\r\ng:\r\nh:\r\n\r\n"), 431, NULL, NULL },
	{ "with a head beyond the limit is refused",
	        BYTES("GET / HTTP/1.1\r\n" H "a: " X64 X64 X64 X64 X64 X64 X64 X64 "\r\n\r\n"), 431, NULL, NULL },
	{ "with an endless line is refused", BYTES("GET /" X64 X64 X64 X64 X64 X64 X64 X64), 431, NULL, NULL },
};

#define OK200 "HTTP/1.1 200 OK\r\n"

static const struct row answers[] = {
	{ "may have a counted body", BYTES(OK200 "Content-Length: 2\r\n\r\nok"), 1, "ok", NULL },
	{ "may be chunked", BYTES(OK200 "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), 1, "ok", NULL },
	{ "may have no reason", BYTES("HTTP/1.1 500\r\nContent-Length: 0\r\n\r\n"), 1, "", NULL },
	{ "may follow an interim one",
	        BYTES("HTTP/1.1 100 Continue\r\nA: b\r\n\r\n" OK200 "Content-Length: 2\r\n\r\nok"), 1, "ok", NULL },
	{ "may be 204 without body", BYTES("HTTP/1.1 204 No Content\r\n\r\n"), 1, "", NULL },
	{ "of HTTP/1.0 may have a counted body", BYTES("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), 1, "ok",
	        NULL },
	{ "shows what follows it", BYTES(OK200 "Content-Length: 2\r\n\r\nokHTTP"), 1, "ok", "HTTP" },
	{ "waits for its body", BYTES(OK200 "Content-Length: 2\r\n\r\no"), 0, NULL, NULL },
	{ "without length ends with the connection", BYTES(OK200 "\r\nok"), 2, NULL, NULL },
	{ "with both lengths is refused", BYTES(OK200 "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"), 400,
	        NULL, NULL },
	{ "with a length twice is refused", BYTES(OK200 "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok"), 400, NULL,
	        NULL },
	{ "with a signed length is refused", BYTES(OK200 "Content-Length: +2\r\n\r\nok"), 400, NULL, NULL },
	{ "with another encoding is refused", BYTES(OK200 "Transfer-Encoding: gzip\r\n\r\n"), 501, NULL, NULL },
	{ "of HTTP/1.0 with an encoding is refused", BYTES("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
	        502, NULL, NULL },
	{ "with a bare LF is refused", BYTES("HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok"), 400, NULL, NULL },
	{ "with a folded field is refused", BYTES(OK200 "A: b\r\n c\r\n\r\n"), 400, NULL, NULL },
	{ "with a status of two digits is refused", BYTES("HTTP/1.1 20 OK\r\n\r\n"), 502, NULL, NULL },
	{ "with a status of four digits is refused", BYTES("HTTP/1.1 2000 OK\r\n\r\n"), 502, NULL, NULL },
	{ "with a status of letters is refused", BYTES("HTTP/1.1 2x0 OK\r\n\r\n"), 502, NULL, NULL },
	{ "with status 600 is refused", BYTES("HTTP/1.1 600 OK\r\n\r\n"), 502, NULL, NULL },
	{ "with status 000 is refused", BYTES("HTTP/1.1 000 OK\r\n\r\n"), 502, NULL, NULL },
	{ "of another version is refused", BYTES("HTTP/2.0 200 OK\r\n\r\n"), 502, NULL, NULL },
	{ "that switches protocols is refused", BYTES("HTTP/1.1 101 Switching\r\n\r\n"), 502, NULL, NULL },
	{ "with a length in an interim one is refused", BYTES("HTTP/1.1 103 Hints\r\nContent-Length: 2\r\n\r\nok"), 502,
	        NULL, NULL },
	{ "with endless interim ones is refused",
	        BYTES("HTTP/1.1 102 P\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 102 P\r\n\r\n"
	              "HTTP/1.1 102 P\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 102 P\r\n\r\n"),
	        502, NULL, NULL },
	{ "of 204 with a body is refused", BYTES("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok"), 502, NULL,
	        NULL },
	{ "with a body beyond the limit is refused", BYTES(OK200 "Content-Length: 65\r\n\r\n"), 413, NULL, NULL },
	{ "without length beyond the limit is refused", BYTES(OK200 "\r\n" X64 "x"), 413, NULL, NULL },
	{ "that is garbage is refused", BYTES("\x15\x03\x01 hello hello\r\n"), 502, NULL, NULL },
};

static enum http1_result put(struct http1 *h, const char *p, size_t n)
{
	enum http1_result result = HTTP1_MORE;

	while (n > 0 && (result == HTTP1_MORE || result == HTTP1_UNTIL_CLOSE)) {
		size_t room;
		uint8_t *to = http1_room(h, &room);
		size_t part = n < room ? n : room;

		assert_non_null(to);
		memcpy(to, p, part);
		result = http1_feed(h, part);
		p += part;
		n -= part;
	}
	return result;
}

/* Feeds in steps of step bytes after a first one of first bytes. */
static void check(const struct row *row, enum http1_kind kind, size_t first, size_t step)
{
	struct http1_limits limits = { HEAD_BYTES, FIELDS, BODY_BYTES };
	struct http1_pool pool;
	struct http1 *h;
	enum http1_result result = HTTP1_MORE;
	size_t at = 0, left = 0;

	http1_pool_init(&pool, kind, &limits);
	h = http1_take(&pool);
	assert_non_null(h);
	while (at < row->n && (result == HTTP1_MORE || result == HTTP1_UNTIL_CLOSE)) {
		size_t part = at == 0 ? first : step;

		if (part > row->n - at)
			part = row->n - at;
		result = put(h, row->bytes + at, part);
		at += part;
	}
	left = row->n - at; /* not looked at, since the message was whole before */
	if (row->want == 0)
		assert_int_equal(result, HTTP1_MORE);
	else if (row->want == 2)
		assert_int_equal(result, HTTP1_UNTIL_CLOSE);
	else if (row->want > 2)
		assert_int_equal(result, HTTP1_REFUSED);
	if (row->want > 2) {
		assert_int_equal(h->refusal, row->want);
		assert_non_null(h->why);
	}
	if (row->want == 1) {
		assert_int_equal(result, HTTP1_WHOLE);
		assert_int_equal(h->body.n, strlen(row->body));
		assert_memory_equal(h->body.p, row->body, h->body.n);
		http1_next(h);
		assert_int_equal(h->n + left, row->rest != NULL ? strlen(row->rest) : 0);
		if (row->rest != NULL)
			assert_memory_equal(h->p, row->rest, h->n);
	}
	http1_give(&pool, h);
	http1_pool_free(&pool);
}

static void check_splits(const struct row *row, enum http1_kind kind)
{
	check(row, kind, row->n, 1);
	check(row, kind, 1, 1);
	for (size_t first = 1; first < row->n; first++)
		check(row, kind, first, row->n);
}

static void reads_request(void **state)
{
	check_splits(*state, HTTP1_REQUEST);
}

static void reads_answer(void **state)
{
	check_splits(*state, HTTP1_RESPONSE);
}

/* ---- what is publicly known to have parted readers (hostile_http.h) ---- */

/* Reads one after the other, fed in a first part of first bytes, then in steps of step. */
static enum http1_result read_all(
        struct http1_pool *pool, const struct hostile *row, size_t first, size_t step, int *whole)
{
	struct http1 *h = http1_take(pool);
	enum http1_result result = HTTP1_MORE;

	*whole = 0;
	for (size_t at = 0, part = first; at < row->n && result != HTTP1_REFUSED; at += part, part = step) {
		if (part > row->n - at)
			part = row->n - at;
		result = put(h, row->bytes + at, part);
		while (result == HTTP1_WHOLE) {
			++*whole;
			http1_next(h);
			result = http1_feed(h, 0);
		}
	}
	if (result == HTTP1_REFUSED && (h->refusal < 400 || h->refusal > 599 || h->why == NULL))
		*whole = -1;
	if (result == HTTP1_MORE && http1_is_empty(h))
		result = HTTP1_WHOLE; /* nothing is left over */
	http1_give(pool, h);
	return result;
}

static int check_hostile(struct http1_pool *pool, const struct hostile *row)
{
	static const enum http1_result ends[] = { [HOSTILE_REFUSED] = HTTP1_REFUSED,
		[HOSTILE_TAKEN] = HTTP1_WHOLE,
		[HOSTILE_WAITS] = HTTP1_MORE,
		[HOSTILE_ENDLESS] = HTTP1_UNTIL_CLOSE };
	int whole;

	for (size_t first = 1; first <= row->n + 1; first++) { /* the last: octet by octet */
		size_t step = first <= row->n ? row->n : 1;

		if (read_all(pool, row, first <= row->n ? first : 1, step, &whole) == ends[row->end] &&
		        whole == row->whole)
			continue;
		print_error("%s: not as it must be, split at %zu\n", row->why, first);
		return 1;
	}
	return 0;
}

static void check_all_hostile(enum http1_kind kind, bool (*get)(size_t i, struct hostile *out), size_t least)
{
	struct http1_limits limits = { HOSTILE_HEAD_BYTES, HOSTILE_FIELDS, HOSTILE_BODY_BYTES };
	struct http1_pool pool;
	struct hostile row;
	size_t i;
	int wrong = 0;

	http1_pool_init(&pool, kind, &limits);
	for (i = 0; get(i, &row); i++)
		wrong += check_hostile(&pool, &row);
	http1_pool_free(&pool);
	assert_int_equal(wrong, 0);
	assert_true(i >= least); /* the table was not lost on the way */
}

static void reads_no_hostile_request_in_two_ways(void **state)
{
	(void)state;
	check_all_hostile(HTTP1_REQUEST, hostile_request, 9000);
}

static void reads_no_hostile_answer_in_two_ways(void **state)
{
	(void)state;
	check_all_hostile(HTTP1_RESPONSE, hostile_answer, 90);
}

static void says_what_a_request_is(void **state)
{
	static const char bytes[] = "POST http://a.cn:1/x?y HTTP/1.1\r\nhost: A.cn:1\r\nConnection: x , close\r\n"
	                            "Expect: 100-Continue\r\nContent-Length: 3\r\n\r\nabc";
	struct http1_limits limits = { HEAD_BYTES, FIELDS, BODY_BYTES };
	struct http1_pool pool;
	struct http1 *h;

	(void)state;
	http1_pool_init(&pool, HTTP1_REQUEST, &limits);
	h = http1_take(&pool);
	assert_int_equal(put(h, bytes, sizeof(bytes) - 2), HTTP1_MORE);
	assert_true(h->head_is_whole && h->wants_continue);
	assert_int_equal(put(h, "c", 1), HTTP1_WHOLE);
	assert_true(yt_str_is(h->method, "POST"));
	assert_true(yt_str_is(h->target, "/x?y"));
	assert_int_equal(h->n_fields, 4);
	assert_true(yt_str_is(http1_field(h->fields, h->n_fields, "HOST"), "A.cn:1"));
	assert_int_equal(http1_field(h->fields, h->n_fields, "absent").n, 0);
	assert_false(h->keep_alive);
	assert_false(http1_next(h));
	assert_int_equal(put(h, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27), HTTP1_WHOLE);
	assert_true(h->keep_alive && !h->wants_continue && h->n_fields == 1 && h->body.n == 0);
	http1_give(&pool, h);
	http1_pool_free(&pool);
}

static void ends_an_answer_with_the_connection(void **state)
{
	struct http1_limits limits = { HEAD_BYTES, FIELDS, BODY_BYTES };
	struct http1_pool pool;
	struct http1 *h;

	(void)state;
	http1_pool_init(&pool, HTTP1_RESPONSE, &limits);
	h = http1_take(&pool);
	assert_int_equal(put(h, OK200 "\r\n", sizeof(OK200) + 1), HTTP1_UNTIL_CLOSE);
	assert_int_equal(put(h, "body", 4), HTTP1_UNTIL_CLOSE);
	assert_int_equal(http1_close(h), HTTP1_WHOLE);
	assert_int_equal(h->status, 200);
	assert_true(yt_str_is(h->body, "body"));
	assert_false(h->keep_alive);
	http1_give(&pool, h);
	http1_pool_free(&pool);
}

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

int main(void)
{
	static const struct CMUnitTest singles[] = { cmocka_unit_test(says_what_a_request_is),
		cmocka_unit_test(reads_no_hostile_request_in_two_ways),
		cmocka_unit_test(reads_no_hostile_answer_in_two_ways),
		cmocka_unit_test(ends_an_answer_with_the_connection) };
	static struct CMUnitTest tests[N(requests) + N(answers) + N(singles)];
	static char names[N(answers)][100];
	size_t n = 0;

	for (size_t i = 0; i < N(requests); i++)
		tests[n++] = (struct CMUnitTest){ requests[i].it, reads_request, NULL, NULL, (void *)&requests[i] };
	for (size_t i = 0; i < N(answers); i++) {
		snprintf(names[i], sizeof(names[i]), "an answer %s", answers[i].it);
		tests[n++] = (struct CMUnitTest){ names[i], reads_answer, NULL, NULL, (void *)&answers[i] };
	}
	memcpy(&tests[n], singles, sizeof(singles));
	return cmocka_run_group_tests_name("a request", tests, NULL, NULL);
}
