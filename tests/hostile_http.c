/* tests/hostile_http.c - see hostile_http.h: rows by hand, then families where one octet takes every value. */
#include "hostile_http.h"

#include <stdio.h>
#include <string.h>

#define H "Host: a\r\n"
#define POST "POST / HTTP/1.1\r\n" H
#define GET "GET / HTTP/1.1\r\n" H "\r\n"
#define TE "Transfer-Encoding: chunked\r\n"
#define CL(n) "Content-Length: " n "\r\n"
#define CHUNKED POST TE "\r\n"
#define LAST "0\r\n\r\n"
#define ONE "1\r\nZ\r\n"
#define SMUGGLED "GET /x HTTP/1.1\r\n" H "\r\n"
#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

#define REFUSE(why, bytes)                                                                                             \
	{                                                                                                              \
		why, bytes, sizeof(bytes) - 1, 0, HOSTILE_REFUSED                                                      \
	}
#define TAKE(count, why, bytes)                                                                                        \
	{                                                                                                              \
		why, bytes, sizeof(bytes) - 1, count, HOSTILE_TAKEN                                                    \
	}
#define AFTER(count, why, bytes)                                                                                       \
	{                                                                                                              \
		why, bytes, sizeof(bytes) - 1, count, HOSTILE_REFUSED                                                  \
	}
#define WAIT(why, bytes)                                                                                               \
	{                                                                                                              \
		why, bytes, sizeof(bytes) - 1, 0, HOSTILE_WAITS                                                        \
	}
#define ENDLESS(why, bytes)                                                                                            \
	{                                                                                                              \
		why, bytes, sizeof(bytes) - 1, 0, HOSTILE_ENDLESS                                                      \
	}

static const struct hostile requests[] = {
	/* two lengths: one reader counts, the other decodes chunks */
	REFUSE("both lengths, counted for the front", POST CL("6") TE "\r\n" LAST "G"),
	REFUSE("both lengths, counted for the back", POST TE CL("3") "\r\n8\r\nSMUGGLED\r\n" LAST),
	REFUSE("both lengths that agree", POST CL("5") TE "\r\n" LAST),
	REFUSE("both lengths, the count being nought", POST CL("0") TE "\r\n" LAST SMUGGLED),
	REFUSE("both lengths, a whole request behind", POST CL("35") TE "\r\n" LAST SMUGGLED),
	REFUSE("both lengths, the chunks longer than the count",
	        POST CL("4") TE "\r\n12\r\nGPOST / HTTP/1.1\r\n\r\n" LAST),
	REFUSE("both lengths, the count behind a field", POST TE "X: y\r\n" CL("5") "\r\n" LAST),
	REFUSE("both lengths in other letters", POST "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n" LAST),
	REFUSE("both lengths, the count no number", POST CL("blah") TE "\r\n" ONE LAST),
	REFUSE("both lengths, the encoding in capitals", POST CL("5") "TRANSFER-ENCODING: CHUNKED\r\n\r\n" LAST),
	REFUSE("both lengths, the encoding mixed", POST CL("5") "TrAnSFer-EnCODinG: cHuNkeD\r\n\r\n" LAST),
	REFUSE("both lengths, two blanks before the encoding", POST CL("5") "Transfer-Encoding:  chunked\r\n\r\n" LAST),
	REFUSE("both lengths, no blank before the encoding", POST CL("5") "Transfer-Encoding:chunked\r\n\r\n" LAST),
	REFUSE("both lengths, a tab before the encoding", POST CL("5") "Transfer-Encoding:\tchunked\r\n\r\n" LAST),
	REFUSE("both lengths, a blank behind the encoding", POST CL("5") "Transfer-Encoding: chunked \r\n\r\n" LAST),
	REFUSE("both lengths, a tab behind the encoding", POST CL("5") "Transfer-Encoding: chunked\t\r\n\r\n" LAST),
	REFUSE("both lengths in PUT", "PUT / HTTP/1.1\r\n" H CL("5") TE "\r\n" LAST),
	REFUSE("both lengths in GET", "GET / HTTP/1.1\r\n" H CL("5") TE "\r\n" LAST),
	REFUSE("both lengths, the connection to be closed", POST "Connection: close\r\n" CL("5") TE "\r\n" LAST),
	AFTER(1, "both lengths in the second of two", GET POST CL("5") TE "\r\n" LAST),
	/* the encoding, written so that one reader sees it and the other does not */
	REFUSE("an encoding nobody knows", POST "Transfer-Encoding: xchunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("a shortened encoding", POST "Transfer-Encoding: chunk\r\n" CL("5") "\r\nhello"),
	REFUSE("an encoding twice in one word", POST "Transfer-Encoding: chunkedchunked\r\n\r\n5\r\nhello\r\n" LAST),
	REFUSE("identity beside a count", POST "Transfer-Encoding: identity\r\n" CL("5") "\r\nhello"),
	REFUSE("identity alone", POST "Transfer-Encoding: identity\r\n\r\n"),
	REFUSE("identity before chunked", POST "Transfer-Encoding: identity, chunked\r\n\r\n" LAST),
	REFUSE("identity around chunked", POST "Transfer-Encoding: identity, chunked, identity\r\n\r\n" LAST),
	REFUSE("identity, then chunked, in two fields", POST "Transfer-Encoding: identity\r\n" TE "\r\n" LAST),
	REFUSE("chunked, then identity, in two fields", POST TE "Transfer-Encoding: identity\r\n\r\n" LAST),
	REFUSE("chunked twice in two fields", POST TE TE "\r\n" LAST),
	REFUSE("chunked twice in a list", POST "Transfer-Encoding: chunked, chunked\r\n\r\n" LAST),
	REFUSE("chunked twice without blank", POST "Transfer-Encoding: chunked,chunked\r\n\r\n" LAST),
	REFUSE("chunked before gzip", POST "Transfer-Encoding: chunked, gzip\r\n\r\n" LAST),
	REFUSE("gzip before chunked: we decode no gzip", POST "Transfer-Encoding: gzip, chunked\r\n\r\n" LAST),
	REFUSE("gzip and chunked in two fields", POST "Transfer-Encoding: gzip\r\n" TE "\r\n" LAST),
	REFUSE("deflate alone", POST "Transfer-Encoding: deflate\r\n\r\nx"),
	REFUSE("a comma before chunked", POST "Transfer-Encoding: ,chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("a comma before chunked, no count", POST "Transfer-Encoding: ,chunked\r\n\r\n" LAST),
	REFUSE("a comma and a blank before chunked", POST "Transfer-Encoding: , chunked\r\n\r\n" LAST),
	REFUSE("a comma behind chunked", POST "Transfer-Encoding: chunked,\r\n\r\n" LAST),
	REFUSE("a semicolon behind chunked", POST "Transfer-Encoding: chunked;\r\n\r\n" LAST),
	REFUSE("a parameter behind chunked", POST "Transfer-Encoding: chunked;ext=val\r\n\r\n" LAST),
	REFUSE("chunked in quotes", POST "Transfer-Encoding: \"chunked\"\r\n" CL("5") "\r\n" LAST),
	REFUSE("chunked in apostrophes", POST "Transfer-Encoding: 'chunked'\r\n" CL("5") "\r\n" LAST),
	REFUSE("words around chunked", POST "Transfer-Encoding: cow chunked bar\r\n" CL("5") "\r\n" LAST),
	REFUSE("an unknown encoding, then chunked", POST "Transfer-Encoding: cow, chunked\r\n\r\n" LAST),
	REFUSE("chunked, then an unknown encoding", POST "Transfer-Encoding: chunked, cow\r\n\r\n" LAST),
	REFUSE("an empty encoding beside a count", POST "Transfer-Encoding:\r\n" CL("5") "\r\nhello"),
	REFUSE("three empty encodings beside a count",
	        POST CL("10") "Transfer-Encoding:\r\nTransfer-Encoding:\r\nTransfer-Encoding:\r\n\r\n2\r\nAA\r\n0"),
	REFUSE("an empty encoding, then chunked", POST "Transfer-Encoding:\r\n" TE "\r\n" LAST),
	REFUSE("an encoding that names itself", POST "Transfer-Encoding: Transfer-Encoding: chunked\r\n\r\n" LAST),
	REFUSE("a colon before the encoding", POST "Transfer-Encoding:: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("a blank before the encoding's colon", POST "Transfer-Encoding : chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("a tab before the encoding's colon", POST "Transfer-Encoding\t:\tchunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("a word before the encoding's colon", POST "Transfer-Encoding x: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("a blank instead of the encoding's colon", POST "Transfer-Encoding chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("an equals sign instead of the colon", POST "Transfer-Encoding= chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("a blank instead of the hyphen", POST "Transfer Encoding: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("a backslash instead of the hyphen", POST "Transfer\\Encoding: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("an underscore that many take for the hyphen",
	        POST "Transfer_Encoding: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("an underscore without count", POST "Transfer_Encoding: chunked\r\n\r\n" LAST),
	REFUSE("no hyphen at all", POST "TransferEncoding: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("two hyphens", POST "Transfer--Encoding: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("a dot instead of the hyphen", POST "Transfer.Encoding: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("a hyphen at the encoding's end", POST "Transfer-Encoding-: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("a letter written as an escape", POST "Transfer-%45ncoding: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("the whole name's first letter as an escape",
	        POST "%54ransfer-Encoding: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("a letter above ASCII in the name", POST "Transf\x82r-Encoding: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("a letter above ASCII in the value", POST "Transfer-Encoding: ch\x96nked\r\n" CL("5") "\r\n" LAST),
	REFUSE("a dotless i that lower-cases to i", POST "Transfer-Encod\xc4\xb1ng: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("a Kelvin sign that lower-cases to k", POST "Transfer-Encoding: chun\xe2\x84\xaa"
	                                                   "ed\r\n" CL("5") "\r\n" LAST),
	REFUSE("a CR in the name", POST "Tra\rnsfer-Encoding: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("a NUL in the name", POST "Transfer\0-Encoding: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("a NUL before the name", POST "\0Transfer-Encoding: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("a byte order mark before the name",
	        POST "\xef\xbb\xbfTransfer-Encoding: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("the name cut over two lines", POST "Transfer-\r\nEncoding: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("the name, then a folded colon", POST "Transfer-Encoding\r\n : chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("the name, then a colon behind a bare LF", POST "Transfer-Encoding\n : chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("the value folded", POST "Transfer-Encoding:\r\n chunked\r\n\r\n" LAST),
	REFUSE("the value folded by a tab", POST "Transfer-Encoding:\r\n\tchunked\r\n\r\n" LAST),
	REFUSE("the value folded by a bare LF", POST "Transfer-Encoding:\n chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("the value behind LF and vertical tab", POST "Transfer-Encoding: \n\vchunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("more of the value folded on", POST TE "  abc\r\n\r\n5\r\nWorld\r\n" LAST),
	REFUSE("the encoding folded onto another field", POST "Foo: bar\r\n " TE CL("5") "\r\n" LAST),
	REFUSE("the encoding folded by a tab onto another field", POST "Foo: bar\r\n\t" TE CL("5") "\r\n" LAST),
	REFUSE("the encoding folded onto the request line", "POST / HTTP/1.1\r\n " TE H CL("5") "\r\n" LAST),
	REFUSE("the encoding behind a CR in a value", POST "X: X\r" TE CL("5") "\r\n" LAST),
	REFUSE("the encoding behind a LF in a value", POST "X: X\n" TE CL("5") "\r\n" LAST),
	REFUSE("the encoding behind a CR in an empty value", POST "X:\r" TE CL("5") "\r\n" LAST),
	REFUSE("the encoding behind a LF in an empty value", POST "X:\n" TE CL("5") "\r\n" LAST),
	REFUSE("the encoding behind CR LF CR", POST "Foo: bar\r\n\r" TE CL("5") "\r\n" LAST),
	REFUSE("a head that ends by two LF inside a value", POST "Foo: bar\n\n" TE CL("5") "\r\n" LAST),
	REFUSE("an encoding in HTTP/1.0", "POST / HTTP/1.0\r\n" H TE "\r\n" LAST),
	REFUSE("both lengths in HTTP/1.0", "POST / HTTP/1.0\r\n" H TE CL("5") "\r\nhello"),
	REFUSE("identity in HTTP/1.0", "POST / HTTP/1.0\r\n" H "Transfer-Encoding: identity\r\n" CL("5") "\r\nhello"),
	REFUSE("a coding of the content that is one of the transfer",
	        POST "Content-Encoding: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("the same in a list", POST "Content-Encoding: gzip, chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("an encoding the front may strip", POST "Connection: Transfer-Encoding\r\n" TE "\r\n" LAST),
	REFUSE("an encoding the front may strip, in a list",
	        POST "Connection: close, transfer-encoding\r\n" TE "\r\n" LAST),
	REFUSE("a count the front may strip", POST "Connection: Content-Length\r\n" CL("5") "\r\nhello"),
	REFUSE("a Host the front may strip", POST "Connection: keep-alive, Host\r\n" CL("5") "\r\nhello"),
	TAKE(1, "an encoding in capitals is the same one", POST "TRANSFER-ENCODING: CHUNKED\r\n\r\n" LAST),
	TAKE(1, "blanks around a value mean nothing", POST "Transfer-Encoding: \t chunked \t\r\n\r\n" LAST),
	TAKE(1, "what may be answered in chunks is no length", POST "TE: chunked, trailers\r\n" CL("1") "\r\nZ"),
	TAKE(1, "an accepted coding is no length", POST "Accept-Encoding: chunked\r\n" CL("1") "\r\nZ"),
	TAKE(1, "announced trailers are no length", POST "Trailer: X\r\n" TE "\r\n" ONE "0\r\nX: y\r\n\r\n"),
	/* the count */
	REFUSE("two counts that differ", POST CL("1") CL("2") "\r\nab"),
	REFUSE("two counts, the first nought", POST CL("0") CL("35") "\r\n" SMUGGLED),
	REFUSE("two counts, the second nought", POST CL("35") CL("0") "\r\n" SMUGGLED),
	REFUSE("two counts that agree", POST CL("5") CL("5") "\r\nhello"),
	REFUSE("an empty count, then one", POST "Content-Length:\r\n" CL("35") "\r\n" SMUGGLED),
	REFUSE("a count, then an empty one", POST CL("35") "Content-Length: \r\n\r\n" SMUGGLED),
	REFUSE("two counts in two cases", POST "content-length: 5\r\nCONTENT-LENGTH: 6\r\n\r\nhello"),
	REFUSE("two counts in HEAD", "HEAD / HTTP/1.1\r\n" H CL("4") CL("5") "\r\n1234"),
	REFUSE("a list of equal counts", POST CL("5, 5") "\r\nhello"),
	REFUSE("a list of counts", POST CL("5, 10") "\r\nhello"),
	REFUSE("a list without blank", POST CL("5,5") "\r\nhello"),
	REFUSE("a list with an empty member", POST CL("5,") "\r\nhello"),
	REFUSE("a list that begins empty", POST CL(",5") "\r\nhello"),
	REFUSE("counts with a semicolon", POST CL("5;5") "\r\nhello"),
	REFUSE("an empty count", POST "Content-Length: \r\n\r\n" SMUGGLED),
	REFUSE("no value at all", POST "Content-Length:\r\n\r\n"),
	REFUSE("a plus", POST CL("+5") "\r\nhello"),
	REFUSE("a plus before nought", POST CL("+0") "\r\n"),
	REFUSE("a plus and an underscore", POST CL("+1_0") "\r\n0123456789"),
	REFUSE("a minus", POST CL("-48") "\r\n"),
	REFUSE("a minus before nought", POST CL("-0") "\r\n"),
	REFUSE("a minus one", POST CL("-1") "\r\n"),
	REFUSE("a count in hexadecimal", POST CL("0x5") "\r\nhello"),
	REFUSE("a count in capital hexadecimal", POST CL("0X10") "\r\n0123456789abcdef"),
	REFUSE("a hexadecimal digit", POST CL("a") "\r\n0123456789"),
	REFUSE("a count in octal", POST CL("010") "\r\n01234567"),
	REFUSE("a count in new octal", POST CL("0o5") "\r\nhello"),
	REFUSE("a count in binary", POST CL("0b101") "\r\nhello"),
	REFUSE("leading noughts", POST CL("005") "\r\nhello"),
	REFUSE("two noughts", POST CL("00") "\r\n"),
	REFUSE("a fraction", POST CL("5.0") "\r\nhello"),
	REFUSE("an exponent", POST CL("1e1") "\r\n0123456789"),
	REFUSE("a letter behind the count", POST CL("1Z") "\r\nZ"),
	REFUSE("letters behind the count", POST CL("1abc") "\r\nZ"),
	REFUSE("a blank within", POST CL("1 0") "\r\nhello12345"),
	REFUSE("two counts with a blank between", POST CL("13 37") "\r\n"),
	REFUSE("an underscore within", POST CL("1_0") "\r\n0123456789"),
	REFUSE("a count in quotes", POST CL("\"5\"") "\r\nhello"),
	REFUSE("a count in brackets", POST CL("(5)") "\r\nhello"),
	REFUSE("a count with its unit", POST CL("5 bytes") "\r\nhello"),
	REFUSE("no digits", POST CL("blah") "\r\n"),
	REFUSE("a digit of another script", POST CL("\xd9\xa5") "\r\nhello"),
	REFUSE("a full-width digit", POST CL("\xef\xbc\x95") "\r\nhello"),
	REFUSE("beyond 31 bits", POST CL("2147483648") "\r\n"),
	REFUSE("beyond 32 bits, one over", POST CL("4294967297") "\r\nZ"),
	REFUSE("beyond 63 bits", POST CL("9223372036854775808") "\r\n"),
	REFUSE("beyond 64 bits, one over", POST CL("18446744073709551617") "\r\nZ"),
	REFUSE("beyond any bits", POST CL("99999999999999999999999999") "\r\n"),
	REFUSE("a blank before the count's colon", POST "Content-Length : 5\r\n\r\nhello"),
	REFUSE("a tab before the count's colon", POST "Content-Length\t: 5\r\n\r\nhello"),
	REFUSE("a next-line octet before the colon", POST "Content-Length\x85: 10\r\n\r\n0123456789"),
	REFUSE("a no-break blank before the colon", POST "Content-Length\xa0: 10\r\n\r\n0123456789"),
	REFUSE("a no-break blank before the count", POST "Content-Length: \xa0"
	                                                 "5\r\n\r\nhello"),
	REFUSE("no colon, as some split at blanks", POST "Content-Length 10\r\n\r\n0123456789"),
	REFUSE("an underscore in the count's name", POST "Content_Length: 5\r\n\r\nhello"),
	REFUSE("an underscore beside the real one", POST "Content_Length: 0\r\n" CL("5") "\r\nhello"),
	REFUSE("a CR for the hyphen", POST "Content\rLength: 3\r\n\r\nabc"),
	REFUSE("the count behind a CR in a value", "GET / HTTP/1.1\r\n" H "X: y\rContent-Length: 10\r\n\r\n0123456789"),
	REFUSE("the count behind a LF in a value", "GET / HTTP/1.1\r\n" H "X: y\nContent-Length: 23\r\n\r\n" SMUGGLED),
	REFUSE("the count folded onto a value", POST "Foo: bar\r\n Content-Length: 35\r\n\r\n" SMUGGLED),
	REFUSE("the count folded onto the request line", "GET / HTTP/1.1\r\n\tContent-Length: 1\r\n" H "\r\nX"),
	REFUSE("the count's value folded", POST "Content-Length:\r\n 5\r\n\r\nhello"),
	REFUSE("a count in GET", "GET / HTTP/1.1\r\n" H CL("10") "\r\n1234567890"),
	REFUSE("a request in the body of GET", "GET / HTTP/1.1\r\n" H CL("35") "\r\n" SMUGGLED),
	REFUSE("a body in HEAD", "HEAD / HTTP/1.1\r\n" H CL("5") "\r\nhello"),
	REFUSE("a body in OPTIONS", "OPTIONS / HTTP/1.1\r\n" H CL("5") "\r\nhello"),
	REFUSE("a body in DELETE", "DELETE / HTTP/1.1\r\n" H CL("5") "\r\nhello"),
	REFUSE("a body in TRACE", "TRACE / HTTP/1.1\r\n" H CL("5") "\r\nhello"),
	REFUSE("a body in a method that is not ours", "post / HTTP/1.1\r\n" H CL("5") "\r\nhello"),
	REFUSE("chunks in GET", "GET / HTTP/1.1\r\n" H TE "\r\n" LAST),
	REFUSE("chunks in HEAD", "HEAD / HTTP/1.1\r\n" H TE "\r\n" LAST),
	TAKE(1, "a count of nought in GET is no body", "GET / HTTP/1.1\r\n" H CL("0") "\r\n"),
	TAKE(1, "a count of nought in HEAD is no body", "HEAD / HTTP/1.1\r\n" H CL("0") "\r\n"),
	TAKE(1, "blanks around a count", POST "Content-Length:  5 \r\n\r\nhello"),
	TAKE(1, "a count in other letters", POST "conTENT-Length: 5\r\n\r\nHELLO"),
	TAKE(1, "a count in HTTP/1.0", "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello"),
	TAKE(2, "no length is no body, the next follows", POST "\r\n" GET),
	TAKE(2, "a body that looks like a request is a body", POST CL("28") "\r\n" SMUGGLED GET),
	WAIT("a body that is too short", POST CL("5") "\r\nhell"),
	AFTER(1, "a body that is too long: its rest is no request", POST CL("4") "\r\nhello\r\n\r\n"),
	/* chunks */
	REFUSE("a size with 0x", CHUNKED "0x5\r\nhello\r\n" LAST),
	REFUSE("a last size with 0x", CHUNKED ONE "0x0\r\n\r\n"),
	REFUSE("a negative last size with 0x", CHUNKED ONE "-0x0\r\n\r\n"),
	REFUSE("a size with 0x and an underscore", CHUNKED "0x2_e\r\n\r\n" SMUGGLED LAST),
	REFUSE("a size with an underscore", CHUNKED "0_2e\r\n\r\n" SMUGGLED LAST),
	REFUSE("a last size with an underscore", CHUNKED "0_0\r\n\r\n"),
	REFUSE("a plus before a size", CHUNKED "+5\r\nhello\r\n" LAST),
	REFUSE("a minus before a size", CHUNKED "-1\r\nZ\r\n" LAST),
	REFUSE("a minus before the last size", CHUNKED "-0\r\n\r\n"),
	REFUSE("a blank before a size", CHUNKED " 5\r\nhello\r\n" LAST),
	REFUSE("blanks before the last size", CHUNKED "           0\r\n\r\n"),
	REFUSE("a tab before the last size", CHUNKED "\t0\r\n\r\n"),
	REFUSE("a blank behind a size", CHUNKED "5 \r\nhello\r\n" LAST),
	REFUSE("blanks behind the last size", CHUNKED ONE "0  \r\n\r\n"),
	REFUSE("a tab behind a size", CHUNKED "5\t\r\nhello\r\n" LAST),
	REFUSE("an extension without semicolon", CHUNKED "2 erfrferferf\r\naa\r\n0 rrrr\r\n\r\n"),
	REFUSE("a size that only begins with digits", CHUNKED "1these-octets\r\nZ\r\n" LAST),
	REFUSE("a size of other letters", CHUNKED "g\r\nZ\r\n" LAST),
	REFUSE("a size in quotes", CHUNKED "\"1\"\r\nZ\r\n" LAST),
	REFUSE("a decimal point in a size", CHUNKED "1.0\r\nZ\r\n" LAST),
	REFUSE("a comma in a size", CHUNKED "1,0\r\nZ\r\n" LAST),
	REFUSE("a letter h behind a size", CHUNKED "1h\r\nZ\r\n" LAST),
	REFUSE("no size", CHUNKED "\r\n\r\n" GET),
	REFUSE("no last size", CHUNKED ONE "\r\n\r\n" GET),
	REFUSE("no size, only an extension", CHUNKED ";a\r\nZ\r\n" LAST),
	REFUSE("an empty line between chunks", CHUNKED ONE "\r\n" LAST),
	REFUSE("a size beyond 64 bits", CHUNKED "fffffffffffffffff\r\nZ\r\n" LAST),
	REFUSE("a size that overflows to one", CHUNKED "10000000000000001\r\nZ\r\n" LAST),
	REFUSE("a size that overflows 32 bits to one", CHUNKED "100000001\r\nZ\r\n" LAST),
	REFUSE("a size of all 64 bits", CHUNKED "ffffffffffffffff\r\nZ\r\n" LAST),
	REFUSE("a size of 63 bits", CHUNKED "7fffffffffffffff\r\nZ\r\n" LAST),
	REFUSE("noughts without end before a size", CHUNKED "00000000000000001\r\nZ\r\n" LAST),
	TAKE(1, "noughts before a size", CHUNKED "005\r\nhello\r\n000\r\n\r\n"),
	TAKE(1, "a size in capitals", CHUNKED "A\r\n0123456789\r\n" LAST),
	REFUSE("a LF for the line end of a size", CHUNKED "5\nhello\r\n" LAST),
	REFUSE("a LF for the line end of the last size", CHUNKED "0\n\r\n"),
	REFUSE("a CR for the line end of a size", CHUNKED "5\rhello\r\n" LAST),
	REFUSE("CR CR LF behind a size", CHUNKED "5\r\r\nhello\r\n" LAST),
	REFUSE("CR and a letter behind a size", CHUNKED "5\rXhello\r\n" LAST),
	REFUSE("CR CR and an extension", CHUNKED "5\r\r;ABCD\r\n34\r\nE\r\n" LAST SMUGGLED),
	REFUSE("a CR before a size", CHUNKED "\r5\r\nhello\r\n" LAST),
	REFUSE("a LF in an extension", CHUNKED "5;\nhello\r\n" LAST),
	REFUSE("a LF in an extension's name", CHUNKED "2;\nxx\r\n4c\r\n" LAST SMUGGLED),
	REFUSE("a CR in an extension", CHUNKED "2;\rxx\r\n4c\r\n" LAST),
	REFUSE("CR and a letter in an extension", CHUNKED "2;\rXxx\r\n" LAST),
	REFUSE("CR CR in an extension", CHUNKED "2;\r\rxx\r\n" LAST),
	REFUSE("a LF in a quoted extension", CHUNKED "2;a=\"\n\"\r\nxx\r\n" LAST),
	REFUSE("a line end in a quoted extension", CHUNKED "2;a=\"\r\nxx\r\n" LAST),
	REFUSE("an escaped line end in a quoted extension", CHUNKED "2;a=\"\\\r\n\"\r\nxx\r\n" LAST),
	REFUSE("a NUL in an extension", CHUNKED "5;a\0b\r\nhello\r\n" LAST),
	REFUSE("a semicolon and nothing", CHUNKED "5;\r\nhello\r\n" LAST),
	REFUSE("two semicolons", CHUNKED "5;;a\r\nhello\r\n" LAST),
	REFUSE("an extension that is no token", CHUNKED "5;bad[=x\r\nhello\r\n" LAST),
	REFUSE("an extension's equals sign and nothing", CHUNKED "5;a=\r\nhello\r\n" LAST),
	REFUSE("an extension's value without name", CHUNKED "5;=a\r\nhello\r\n" LAST),
	REFUSE("an extension with an open quote", CHUNKED "5;a=\"abc\";b=\"def; ghi\r\nhello\r\n" LAST),
	REFUSE("letters behind a closed quote", CHUNKED "5;a=\"b\"c\r\nhello\r\n" LAST),
	REFUSE("blanks around a semicolon", CHUNKED "5 ; a=b\r\nhello\r\n" LAST),
	REFUSE("a comma for the semicolon", CHUNKED "5,a\r\nhello\r\n" LAST),
	TAKE(1, "extensions as the grammar has them", CHUNKED "5;i;s=p;a=v\r\nhello\r\n6;b;c\r\n world\r\n" LAST),
	TAKE(1, "quoted extensions", CHUNKED "5;i=\"I \\\"l\\\"; \\\\e\\\\\";s=\"a\";b;f=b\r\nhello\r\n" LAST),
	REFUSE("data longer than its size", CHUNKED "5\r\nhello12\r\n" LAST),
	REFUSE("data shorter than its size", CHUNKED "5\r\nABC\r\n" LAST),
	REFUSE("data without line end", CHUNKED "5\r\nhello0\r\n\r\n"),
	REFUSE("data that ends in LF", CHUNKED "a\r\n0123456789\n0\r\n\r\n"),
	REFUSE("data that ends in CR", CHUNKED "1\r\nZ\r0\r\n\r\n"),
	REFUSE("data that ends in CR CR LF", CHUNKED "1\r\nZ\r\r\n0\r\n\r\n"),
	REFUSE("data that ends in LF CR", CHUNKED "1\r\nZ\n\r0\r\n\r\n"),
	REFUSE("data that ends in CR and a letter", CHUNKED "1\r\nZ\rX0\r\n\r\n"),
	REFUSE("data that ends in two letters", CHUNKED "5\r\nAAAAAXX1a\r\n8\r\nAAAABBBB\r\n" LAST),
	REFUSE("data that spills into the next size",
	        CHUNKED "5\r\nAAAAA\nc\r\n17\r\nAAAABBBB\r\n" LAST "CCCCDDDD\r\n" LAST),
	REFUSE("data whose size counts one octet of its line end",
	        CHUNKED "3\r\nXX\r\n12\r\nXX\r\n19\r\nXXAAAABBBB\r\n" LAST),
	REFUSE("data without line end before a size", CHUNKED "2\r\nXX012\r\nXX\r\n19\r\n" LAST),
	REFUSE("a chunk that looks like the end", CHUNKED "17\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n\r\n\r\n" LAST),
	TAKE(1, "a chunk that looks like the end, well counted",
	        CHUNKED "17\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n\r\n" LAST),
	TAKE(2, "what follows the last chunk is the next", CHUNKED ONE LAST GET),
	AFTER(1, "an octet too much behind the last chunk", CHUNKED ONE LAST "\0" GET),
	AFTER(1, "chunks that go on behind the last one", CHUNKED LAST "DDDDEEEEFFFF\r\n" LAST),
	REFUSE("a LF behind the last chunk", CHUNKED "0\r\n\n"),
	REFUSE("two letters for the last line end", CHUNKED "0\r\nXX" GET),
	REFUSE("a request line for the last line end", CHUNKED "0\r\n" GET),
	WAIT("no last line end", CHUNKED ONE "0\r\n"),
	WAIT("no last chunk", CHUNKED ONE),
	TAKE(1, "a trailer is passed over", CHUNKED "0\r\nX:POST / HTTP/1.1\r\n\r\n"),
	TAKE(1, "a trailer that would be a credential is passed over",
	        CHUNKED "0\r\nAuthorization: x\r\nContent-Type: y\r\n\r\n"),
	REFUSE("a count in a trailer", CHUNKED ONE "0\r\nContent-Length: 50\r\n\r\n"),
	REFUSE("an encoding in a trailer", CHUNKED ONE "0\r\n" TE "\r\n"),
	REFUSE("a Host in a trailer", CHUNKED ONE "0\r\nHost: evil\r\n\r\n"),
	REFUSE("an underscore count in a trailer", CHUNKED ONE "0\r\nContent_Length: 50\r\n\r\n"),
	REFUSE("a folded trailer", CHUNKED "0\r\nA: b\r\n c\r\n\r\n"),
	REFUSE("a trailer without colon", CHUNKED "0\r\nabc\r\n\r\n"),
	REFUSE("a trailer without name", CHUNKED "0\r\n: a\r\n\r\n"),
	REFUSE("a trailer with a blank before its colon", CHUNKED "0\r\nA : b\r\n\r\n"),
	REFUSE("a trailer that ends in LF", CHUNKED "0\r\nA: b\n\r\n"),
	REFUSE("a CR in a trailer", CHUNKED "0\r\nA: b\rC: d\r\n\r\n"),
	REFUSE("a NUL in a trailer", CHUNKED "0\r\nA: b\0\r\n\r\n"),
	/* line ends and the shape of a head */
	REFUSE("LF everywhere", "GET / HTTP/1.1\nHost: a\n\n"),
	REFUSE("LF behind the request line", "GET / HTTP/1.1\n" H "\r\n"),
	REFUSE("LF behind a field", "GET / HTTP/1.1\r\nHost: a\n\r\n"),
	REFUSE("LF at the head's end", "GET / HTTP/1.1\r\n" H "\n"),
	WAIT("CR everywhere", "GET / HTTP/1.1\rHost: a\r\r"),
	REFUSE("CR behind the request line", "GET / HTTP/1.1\rHost: a\r\n\r\n"),
	REFUSE("CR CR LF behind the request line", "GET / HTTP/1.1\r\r\n" H "\r\n"),
	REFUSE("CR CR LF behind a field", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
	REFUSE("CR and a letter at the head's end", "GET / HTTP/1.1\r\n" H "\rZGET /evil: HTTP/1.1\r\n" H "\r\n"),
	REFUSE("CR CR LF at the head's end", "GET / HTTP/1.1\r\n" H "\r\r\n"),
	REFUSE("a CR in a value", "GET / HTTP/1.1\r\n" H "X: this\rvalue\r\n\r\n"),
	REFUSE("a LF at a value's start", "GET / HTTP/1.1\r\n" H "X:\n\nGET / HTTP/1.1\r\n\r\n"),
	REFUSE("LF and NUL in a value", "GET / HTTP/1.1\r\n" H "X: v\n\0\ralue\r\n\r\n"),
	REFUSE("a NUL in a value", "GET / HTTP/1.1\r\n" H "X: test\0dropped\r\n\r\n"),
	REFUSE("a NUL in a name", "GET / HTTP/1.1\r\n" H "Hea\0der: value\r\n\r\n"),
	REFUSE("a LF in a name", "GET / HTTP/1.1\r\n" H "Te\nst: test\r\n\r\n"),
	REFUSE("a NUL and no colon", "GET / HTTP/1.1\r\n" H "a:b\r\nc\0\r\n\r\n"),
	REFUSE("controls in a value", "GET / HTTP/1.1\r\n" H "X: abc\a\b\vdef\r\n\r\n"),
	REFUSE("no name", "GET / HTTP/1.1\r\n: ignored\r\n" H "\r\n"),
	REFUSE("a colon alone", "GET / HTTP/1.1\r\n" H ":\r\nI: am cut\r\n\r\n"),
	REFUSE("a name that is a blank", "GET / HTTP/1.1\r\n" H " : x\r\n\r\n"),
	REFUSE("no colon", "GET / HTTP/1.1\r\n" H "Test\r\nConnection: close\r\n\r\n"),
	REFUSE("a name of separators", "GET / HTTP/1.1\r\n" H "\"(),/;<=>?@[/]{}\xc0\xef: yep\r\n\r\n"),
	REFUSE("a blank before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
	REFUSE("a tab before the first field", "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n"),
	REFUSE("a blank line that is no empty one", "GET / HTTP/1.1\r\n" H " \r\n\r\n"),
	REFUSE("a folded value", "GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n"),
	REFUSE("a folded Host", "GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n"),
	REFUSE("blanks before the request", "   \r\n\r\n"),
	REFUSE("a blank before the method", " GET / HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a CR before the method", "\rGET / HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a LF before the method", "\nGET / HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a byte order mark before the method", "\xef\xbb\xbfGET / HTTP/1.1\r\n" H "\r\n"),
	REFUSE("two empty lines before the method", "\r\n\r\n" GET),
	TAKE(1, "one empty line before the method", "\r\n" GET),
	TAKE(2, "one empty line between requests", GET "\r\n" GET),
	TAKE(1, "a name of all that a token may be", "GET / HTTP/1.1\r\n" H "!#$%&'*+-.^_`|~09Az: x\r\n\r\n"),
	TAKE(1, "an empty value", "GET / HTTP/1.1\r\n" H "Cookie: \r\n\r\n"),
	TAKE(1, "obsolete text in a value", "GET / HTTP/1.1\r\n" H "User-Agent: \343\201\262\343/1.0\r\n\r\n"),
	TAKE(1, "the same field twice, of no meaning to us", "GET / HTTP/1.1\r\n" H "A: b\r\nA: c\r\n\r\n"),
	TAKE(1, "an upgrade that is not taken up",
	        "GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
	TAKE(1, "HTTP/2 in clear that is not taken up",
	        "GET / HTTP/1.1\r\n" H
	        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"),
	/* the request line */
	REFUSE("no version", "GET /\r\n\r\n"),
	REFUSE("no version, fields behind", "GET /\r\n" H "\r\n"),
	REFUSE("a LF for the blank before the version", "GET /\nHTTP/1.1\r\n" H "\r\n"),
	REFUSE("no target", "GET HTTP/1.1\r\n" H "\r\n"),
	REFUSE("an empty target", "GET  HTTP/1.1\r\n" H "\r\n"),
	REFUSE("no method", "/ HTTP/1.1\r\n" H "\r\n"),
	REFUSE("two blanks behind the method", "GET  / HTTP/1.1\r\n" H "\r\n"),
	REFUSE("two blanks before the version", "GET /  HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a tab behind the method", "GET\t/ HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a tab before the version", "GET /\tHTTP/1.1\r\n" H "\r\n"),
	REFUSE("a vertical tab behind the method", "GET\v/ HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a blank behind the version", "GET / HTTP/1.1 \r\n" H "\r\n"),
	REFUSE("a word behind the version", "GET / HTTP/1.1 x\r\n" H "\r\n"),
	REFUSE("two versions", "GET / HTTP/1.1 HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a blank in the target", "GET /a b HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a NUL in the method", "G\0T / HTTP/1.0\r\n\r\n"),
	REFUSE("a tab in the method", "G\tT / HTTP/1.0\r\n\r\n"),
	REFUSE("separators in the method", "G=\":<>(e),[T];?\" /get HTTP/1.1\r\n" H "\r\n"),
	REFUSE("DEL in the target", "GET /\x7fhello HTTP/1.1\r\n" H "\r\n"),
	REFUSE("octets above ASCII in the target", "GET /caf\xc3\xa9 HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a target that goes up and out", "GET ../../../../etc/passwd HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a target of no slash", "GET index HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a target that is a mark", "GET ! HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a target that is a query", "GET ?a HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a target that is a host", "GET a:443 HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a star in GET", "GET * HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a star and more", "OPTIONS *a HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a fragment", "GET /a#b HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a fragment behind a query", "POST /p?q=s#hey HTTP/1.1\r\n" H CL("0") "\r\n"),
	REFUSE("a tunnel", "CONNECT a:443 HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a tunnel in lower case", "connect a:443 HTTP/1.1\r\n" H "\r\n"),
	REFUSE("HTTP/0.9", "GET / HTTP/0.9\r\n\r\n"),
	REFUSE("HTTP/1.2", "GET / HTTP/1.2\r\n" H "\r\n"),
	REFUSE("HTTP/2.0", "GET / HTTP/2.0\r\n" H "\r\n"),
	REFUSE("HTTP/9.9", "GET / HTTP/9.9\r\n" H "\r\n"),
	REFUSE("HTTP/5.6", "GET / HTTP/5.6\r\n\r\n"),
	REFUSE("HTTP/1", "GET / HTTP/1\r\n" H "\r\n"),
	REFUSE("HTTP/1.", "GET / HTTP/1.\r\n" H "\r\n"),
	REFUSE("HTTP/.1", "GET / HTTP/.1\r\n" H "\r\n"),
	REFUSE("HTTP/01.1", "GET / HTTP/01.1\r\n" H "\r\n"),
	REFUSE("HTTP/1.01", "GET / HTTP/1.01\r\n" H "\r\n"),
	REFUSE("HTTP/1.10", "GET / HTTP/1.10\r\n" H "\r\n"),
	REFUSE("HTTP/1.32", "GET /test HTTP/1.32\r\n" H "\r\n"),
	REFUSE("HTTP/1.1.1", "GET / HTTP/1.1.1\r\n" H "\r\n"),
	REFUSE("HTTP/11", "GET / HTTP/11\r\n" H "\r\n"),
	REFUSE("HTTP/ 1.1", "GET / HTTP/ 1.1\r\n" H "\r\n"),
	REFUSE("HTTP /1.1", "GET / HTTP /1.1\r\n" H "\r\n"),
	REFUSE("HTTP/1. 1", "GET / HTTP/1. 1\r\n" H "\r\n"),
	REFUSE("HTTP/+1.1", "GET / HTTP/+1.1\r\n" H "\r\n"),
	REFUSE("HTTP/1.1 with a letter", "GET / HTTP/1.1a\r\n" H "\r\n"),
	REFUSE("HTTP/1.1 with a full-width digit", "GET / HTTP/1.\xef\xbc\x91\r\n" H "\r\n"),
	REFUSE("a version that overflows", "GET / HTTP/4294967295.255\r\n" H "\r\n"),
	REFUSE("http in lower case", "GET / http/1.1\r\n" H "\r\n"),
	REFUSE("another protocol's name", "GET /m ICE/1.0\r\n" H "\r\n"),
	REFUSE("RTSP", "PUT /m RTSP/1.0\r\n" H "\r\n"),
	REFUSE("a letter before HTTP", "GET /m IHTTP/1.0\r\n" H "\r\n"),
	REFUSE("SIP", "OPTIONS sip:a SIP/2.0\r\n" H "\r\n"),
	REFUSE("HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	REFUSE("a TLS greeting", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n"),
	REFUSE("a PROXY line", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" GET),
	REFUSE("a PROXY line of version 2", "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c" GET),
	REFUSE("an answer", "HTTP/1.1 200 OK\r\n" CL("0") "\r\n"),
	REFUSE("mail", "HELO a\r\n"),
	/* Host, and whom the target names */
	REFUSE("no Host", "GET / HTTP/1.1\r\n\r\n"),
	REFUSE("two Hosts", "GET / HTTP/1.1\r\n" H "Host: b\r\n\r\n"),
	REFUSE("one Host twice", "GET / HTTP/1.1\r\n" H H "\r\n"),
	REFUSE("two Hosts in two cases", "GET / HTTP/1.1\r\n" H "hOST: b\r\n\r\n"),
	REFUSE("two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\n" H "Host: b\r\n\r\n"),
	REFUSE("an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
	REFUSE("an empty Host, then one", "GET / HTTP/1.1\r\nHost:\r\n" H "\r\n"),
	REFUSE("a list of Hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
	REFUSE("Hosts with a blank between", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
	REFUSE("a path in Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
	REFUSE("a query in Host", "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n"),
	REFUSE("a fragment in Host", "GET / HTTP/1.1\r\nHost: a#b\r\n\r\n"),
	REFUSE("a user in Host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
	REFUSE("a scheme in Host", "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n"),
	REFUSE("a port that is none", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"),
	REFUSE("a port without number", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n"),
	REFUSE("a port of six digits", "GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n"),
	REFUSE("two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n"),
	REFUSE("a port alone", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"),
	REFUSE("an IPv6 address without brackets", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n"),
	REFUSE("an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
	REFUSE("a NUL in Host", "GET / HTTP/1.1\r\nHost: a\0.b\r\n\r\n"),
	REFUSE("a DEL in Host", "GET / HTTP/1.1\r\nHost: e\177a\r\n\r\n"),
	REFUSE("octets above ASCII in Host", "GET / HTTP/1.1\r\nHost: \xe4\xb8\xad.cn\r\n\r\n"),
	REFUSE("a blank before Host's colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
	REFUSE("another host in the target", "GET http://b/ HTTP/1.1\r\n" H "\r\n"),
	REFUSE("another port in the target", "GET http://a:81/ HTTP/1.1\r\nHost: a:80\r\n\r\n"),
	REFUSE("a user in the target", "GET http://u@a/ HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a host in the target that only looks like ours", "GET http://a@b/ HTTP/1.1\r\n" H "\r\n"),
	REFUSE("another scheme in the target", "GET ftp://a/ HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a scheme without host", "GET http:///x HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a scheme with one slash", "GET http:/a/x HTTP/1.1\r\n" H "\r\n"),
	REFUSE("a backslash for a slash", "GET http:\\\\a/ HTTP/1.1\r\n" H "\r\n"),
	TAKE(1, "the same host in target and Host", "GET http://a/x?y HTTP/1.1\r\n" H "\r\n"),
	TAKE(1, "a path that looks like a host", "GET //user@host/is/a/path HTTP/1.1\r\n" H "\r\n"),
	TAKE(1, "options of all", "OPTIONS * HTTP/1.1\r\n" H "\r\n"),
	/* expectations, closing, limits */
	REFUSE("another expectation", POST "Expect: 200-ok\r\n" CL("5") "\r\nhello"),
	REFUSE("a word before the expectation", POST "Expect: y 100-continue\r\n" CL("5") "\r\nhello"),
	REFUSE("a list of expectations", POST "Expect: 100-continue, 100-continue\r\n" CL("5") "\r\nhello"),
	REFUSE("an empty expectation", POST "Expect:\r\n" CL("5") "\r\nhello"),
	TAKE(1, "the expectation in other letters", POST "Expect: 100-CONTINUE\r\n" CL("5") "\r\nhello"),
	TAKE(1, "an expectation without body", "GET / HTTP/1.1\r\n" H "Expect: 100-continue\r\n\r\n"),
	TAKE(1, "a request that closes", "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n"),
	TAKE(1, "HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n"),
	REFUSE("33 fields",
	        "GET / HTTP/1.1\r\n" H
	        "a:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n"
	        "a:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n\r\n"),
	REFUSE("a body of 4097 octets", POST CL("4097") "\r\n"),
	REFUSE("a chunk of 4097 octets", CHUNKED "1001\r\n"),
	REFUSE("a method of 33 letters", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n" H "\r\n"),
};

#define OK "HTTP/1.1 200 OK\r\n"

static const struct hostile answers[] = {
	REFUSE("both lengths", OK CL("2") TE "\r\n" LAST),
	REFUSE("both lengths, the other way round", OK TE CL("5") "\r\n" LAST),
	REFUSE("both lengths, the count no number", OK CL("x") TE "\r\n" LAST),
	REFUSE("two counts that differ", OK CL("2") CL("3") "\r\nok!"),
	REFUSE("two counts that agree", OK CL("2") CL("2") "\r\nok"),
	REFUSE("a list of counts", OK CL("2, 2") "\r\nok"),
	REFUSE("an empty count", OK "Content-Length:\r\n\r\nok"),
	REFUSE("a plus", OK CL("+2") "\r\nok"),
	REFUSE("a minus", OK CL("-2") "\r\nok"),
	REFUSE("hexadecimal", OK CL("0x2") "\r\nok"),
	REFUSE("a letter behind the count", OK CL("2x") "\r\nok"),
	REFUSE("beyond 64 bits", OK CL("18446744073709551618") "\r\nok"),
	REFUSE("leading noughts", OK CL("02") "\r\nok"),
	REFUSE("a blank before the count's colon", OK "Content-Length : 2\r\n\r\nok"),
	REFUSE("an underscore in the count's name", OK "Content_Length: 2\r\n\r\nok"),
	REFUSE("an underscore in the encoding's name", OK "Transfer_Encoding: chunked\r\n" CL("5") "\r\n" LAST),
	REFUSE("an empty encoding beside a count", OK "Transfer-Encoding:\r\n" CL("5") "\r\nhello"),
	REFUSE("an encoding nobody knows", OK "Transfer-Encoding: xchunked\r\n\r\n" LAST),
	REFUSE("chunked twice in one word", OK "Transfer-Encoding: chunkedchunked\r\n\r\n2\r\nOK\r\n" LAST),
	REFUSE("chunked before another encoding", OK "Transfer-Encoding: chunked, deflate\r\n\r\nWorld"),
	REFUSE("chunked, then identity, in two fields", OK TE "Transfer-Encoding: identity\r\n\r\nWorld"),
	REFUSE("chunked twice", OK TE TE "\r\n" LAST),
	REFUSE("gzip before chunked", OK "Transfer-Encoding: gzip, chunked\r\n\r\n" LAST),
	REFUSE("a folded encoding", OK TE "  abc\r\n\r\n5\r\nWorld\r\n" LAST),
	REFUSE("an encoding in HTTP/1.0", "HTTP/1.0 200 OK\r\n" TE "\r\n" LAST),
	REFUSE("a blank behind a size", OK TE "\r\n25  \r\nThis\r\n"),
	REFUSE("an extension without semicolon", OK TE "\r\n2 erf\r\naa\r\n" LAST),
	REFUSE("an extension of nothing", OK TE "\r\n2;\r\naa\r\n" LAST),
	REFUSE("an extension with an open quote", OK TE "\r\n5;a=\"abc\";b=\"d; g\r\nhello\r\n" LAST),
	REFUSE("a LF in an extension", OK TE "\r\n2;\nxx\r\n" LAST),
	REFUSE("a CR in an extension", OK TE "\r\n2;a\rb\r\nxx\r\n" LAST),
	REFUSE("a size beyond 64 bits", OK TE "\r\n10000000000000002\r\nok\r\n" LAST),
	REFUSE("a size of all 64 bits", OK TE "\r\nffffffffffffffff\r\nok\r\n" LAST),
	REFUSE("a signed size", OK TE "\r\n+2\r\nok\r\n" LAST),
	REFUSE("a size with 0x", OK TE "\r\n0x2\r\nok\r\n" LAST),
	REFUSE("no size", OK TE "\r\n\r\nok\r\n" LAST),
	REFUSE("data longer than its size", OK TE "\r\n1\r\nok\r\n" LAST),
	REFUSE("data that ends in LF", OK TE "\r\n2\r\nok\n" LAST),
	REFUSE("a count in a trailer", OK TE "\r\n0\r\nContent-Length: 3\r\n\r\n"),
	REFUSE("an encoding in a trailer", OK TE "\r\n0\r\n" TE "\r\n"),
	REFUSE("LF everywhere", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
	REFUSE("LF behind the status line", "HTTP/1.1 200 OK\n" CL("2") "\r\nok"),
	REFUSE("CR in a value", OK "Foo: 1\rBar: 2\r\n" CL("2") "\r\nok"),
	REFUSE("a NUL in a value", OK "Foo: 1\0\r\n" CL("2") "\r\nok"),
	REFUSE("a folded value", OK "A: b\r\n c\r\n" CL("2") "\r\nok"),
	REFUSE("a blank before the first field", OK " Host: foo\r\n\r\n"),
	REFUSE("no name", OK ": x\r\n" CL("2") "\r\nok"),
	REFUSE("no colon", OK "abc\r\n" CL("2") "\r\nok"),
	REFUSE("HTP", "HTP/1.1 200 OK\r\n\r\n"),
	REFUSE("HTTP/01.1", "HTTP/01.1 200 OK\r\n\r\n"),
	REFUSE("HTTP/11.1", "HTTP/11.1 200 OK\r\n\r\n"),
	REFUSE("HTTP/1.01", "HTTP/1.01 200 OK\r\n\r\n"),
	REFUSE("HTTP/1.", "HTTP/1. 200 OK\r\n\r\n"),
	REFUSE("HTTP/1.2z", "HTTP/1.2z 200 OK\r\n\r\n"),
	REFUSE("HTTP/5.6", "HTTP/5.6 200 OK\r\n\r\n"),
	REFUSE("HTTP/2", "HTTP/2 200\r\n\r\n"),
	REFUSE("http in lower case", "http/1.1 200 OK\r\n\r\n"),
	REFUSE("a tab behind the version", "HTTP/1.1\t200 OK\r\n\r\n"),
	REFUSE("two blanks behind the version", "HTTP/1.1  200 OK\r\n\r\n"),
	REFUSE("no status", "HTTP/1.1  OK\r\n\r\n"),
	REFUSE("a status of one digit", "HTTP/1.1 2 OK\r\n\r\n"),
	REFUSE("a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"),
	REFUSE("a status of letters", "HTTP/1.1 OK\r\n\r\n"),
	REFUSE("a signed status", "HTTP/1.1 +20 OK\r\n\r\n"),
	REFUSE("a status of 099", "HTTP/1.1 099 X\r\n\r\n"),
	REFUSE("a status of 600", "HTTP/1.1 600 X\r\n\r\n"),
	REFUSE("a status of 999", "HTTP/1.1 999 X\r\n\r\n"),
	REFUSE("a control in the reason", "HTTP/1.1 200 O\aK\r\n\r\n"),
	REFUSE("a CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n"),
	REFUSE("an empty line before it, twice", "\r\n\r\n" OK CL("2") "\r\nok"),
	REFUSE("a CR before it", "\r" OK CL("2") "\r\nok"),
	REFUSE("HTML", "<html>\r\n<body>503</body>\r\n"),
	REFUSE("a request", GET),
	REFUSE("HTTP/2's settings", "\x00\x00\x00\x04\x00\x00\x00\x00\x00\r\n"),
	REFUSE("a TLS alert", "\x15\x03\x03\x00\x02\x02\x28\r\n"),
	REFUSE("101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"),
	REFUSE("a count in 100", "HTTP/1.1 100 Continue\r\n" CL("2") "\r\nok"),
	REFUSE("an encoding in 103", "HTTP/1.1 103 Early Hints\r\n" TE "\r\n" LAST),
	REFUSE("a body in 204", "HTTP/1.1 204 No Content\r\n" CL("2") "\r\nok"),
	REFUSE("chunks in 204", "HTTP/1.1 204 No Content\r\n" TE "\r\n" ONE LAST),
	REFUSE("chunks in 304", "HTTP/1.1 304 Not Modified\r\n" TE "\r\n" LAST),
	REFUSE("a body of 4097 octets", OK CL("4097") "\r\n"),
	AFTER(1, "a second one that is none", OK CL("2") "\r\nokHTTQ/1.1 200 OK\r\n"),
	TAKE(1, "a counted one", OK CL("2") "\r\nok"),
	TAKE(1, "chunks with extensions", OK TE "\r\n5;i;s=p\r\nhello\r\n6;b;c\r\n world\r\n" LAST),
	TAKE(1, "chunks with quoted extensions", OK TE "\r\n5;i=\"I l; e\";s=\"a\";b;f=b\r\nhello\r\n" LAST),
	TAKE(1, "trailers", OK TE "\r\n" ONE "0\r\nVary: *\r\n\r\n"),
	TAKE(1, "no reason", "HTTP/1.1 200\r\n" CL("2") "\r\nok"),
	TAKE(1, "an empty reason", "HTTP/1.1 200 \r\n" CL("2") "\r\nok"),
	TAKE(1, "a blank more before the reason", "HTTP/1.1 200  OK\r\n" CL("2") "\r\nok"),
	TAKE(1, "obsolete text in the reason", "HTTP/1.1 500 Orient\xe9 X\r\n" CL("2") "\r\nok"),
	TAKE(1, "eight interim ones",
	        "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 H\r\nLink: x\r\n\r\nHTTP/1.1 102 P\r\n\r\n"
	        "HTTP/1.1 102 P\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 102 P\r\n\r\n" OK CL(
	                "2") "\r\nok"),
	REFUSE("nine interim ones",
	        "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 H\r\n\r\nHTTP/1.1 102 P\r\n\r\n"
	        "HTTP/1.1 102 P\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 102 P\r\n\r\n"),
	TAKE(2, "two of them: lane.c looks at what follows", OK CL("2") "\r\nok" OK CL("2") "\r\nno"),
	TAKE(1, "204", "HTTP/1.1 204 No Content\r\n\r\n"),
	ENDLESS("no length", OK "\r\nok"),
	ENDLESS("no length in HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nok"),
	WAIT("a cut body", OK CL("5") "\r\nhell"),
	WAIT("cut chunks", OK TE "\r\n5\r\nhell"),
	WAIT("no last chunk", OK TE "\r\n" ONE),
	WAIT("a cut head", OK "Content-Len"),
	TAKE(0, "an interim one alone is none", "HTTP/1.1 100 Continue\r\n\r\n"),
};

/* ---- families: what stands before and behind the octet, and which octets may stand there ---- */

static bool is_in(int c, const char *set)
{
	return c > 0 && c < 128 && strchr(set, c) != NULL;
}

static bool is_alnum(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_hex(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

static bool never(int c)
{
	(void)c;
	return false;
}

static bool blank(int c)
{
	return c == ' ' || c == '\t';
}

static bool token(int c)
{
	return is_alnum(c) || is_in(c, "!#$%&'*+-.^_`|~");
}

static bool name_part(int c) /* a colon ends the name, and the rest is its value */
{
	return token(c) || c == ':';
}

static bool value_part(int c)
{
	return c == '\t' || (c >= ' ' && c != 127);
}

static bool target_part(int c) /* an escape needs its digits: none follow here */
{
	return is_alnum(c) || is_in(c, "-._~!$&'()*+,;=:@/?");
}

static bool host_part(int c)
{
	return is_alnum(c) || is_in(c, "-._");
}

static bool extension_part(int c) /* behind "1;a": more of the name, or what begins a value */
{
	return token(c);
}

static bool quoted_part(int c)
{
	return value_part(c) && c != '"' && c != '\\';
}

static bool skip_hex(int c)
{
	return is_hex(c);
}

static bool skip_none(int c)
{
	return c < 0;
}

static bool skip_digits(int c)
{
	return c >= '0' && c <= '9';
}

static bool skip_equals(int c)
{
	return c == '=' || c == ';';
}

static const struct family {
	const char *why, *before, *behind;
	bool (*may)(int c);
	bool (*skipped)(int c); /* these mean something else there */
} families[] = {
	{ "before the encoding's name", POST CL("5"), "Transfer-Encoding: chunked\r\n\r\n" LAST, never, token },
	{ "behind the encoding's name", POST CL("5") "Transfer-Encoding", ": chunked\r\n\r\n" LAST, never, token },
	{ "before the encoding beside a count", POST CL("5") "Transfer-Encoding:", "chunked\r\n\r\n" LAST, never,
	        skip_none },
	{ "behind the encoding beside a count", POST CL("5") "Transfer-Encoding: chunked", "\r\n\r\n" LAST, never,
	        skip_none },
	{ "before the encoding", POST "Transfer-Encoding:", "chunked\r\n\r\n" LAST, blank, skip_none },
	{ "behind the encoding", POST "Transfer-Encoding: chunked", "\r\n\r\n" LAST, blank, skip_none },
	{ "before the count's name", POST, "Content-Length: 5\r\n\r\nhello", never, token },
	{ "behind the count's name", POST "Content-Length", ": 5\r\n\r\nhello", never, token },
	{ "for the count's hyphen", POST "Content", "Length: 5\r\n\r\nhello", never, name_part },
	{ "before the count", POST "Content-Length:", "5\r\n\r\nhello", blank, skip_digits },
	{ "behind the count", POST "Content-Length: 5", "\r\n\r\nhello", blank, skip_digits },
	{ "before Host's name", "GET / HTTP/1.1\r\n", "Host: a\r\n\r\n", never, token },
	{ "behind Host's name", "GET / HTTP/1.1\r\nHost", ": a\r\n\r\n", never, token },
	{ "in Host", "GET / HTTP/1.1\r\nHost: a", "b\r\n\r\n", host_part, skip_none },
	{ "in a name", "GET / HTTP/1.1\r\n" H "X", "Y: z\r\n\r\n", name_part, skip_none },
	{ "in a value", "GET / HTTP/1.1\r\n" H "X: y", "z\r\n\r\n", value_part, skip_none },
	{ "in a method", "GE", "T / HTTP/1.1\r\n" H "\r\n", token, skip_none },
	{ "before a method", "", "GET / HTTP/1.1\r\n" H "\r\n", token, skip_none },
	{ "for the blank behind a method", "GET", "/ HTTP/1.1\r\n" H "\r\n", never, blank },
	{ "in a target", "GET /a", "b HTTP/1.1\r\n" H "\r\n", target_part, skip_none },
	{ "before a version", "GET / ", "HTTP/1.1\r\n" H "\r\n", never, skip_none },
	{ "behind a version", "GET / HTTP/1.1", "\r\n" H "\r\n", never, skip_none },
	{ "at a field's start", "GET / HTTP/1.1\r\n" H, "\r\n\r\n", never, skip_none },
	{ "before a size", CHUNKED, "1\r\nZ\r\n" LAST, never, skip_hex },
	{ "behind a size", CHUNKED "1", "\r\nZ\r\n" LAST, never, skip_hex },
	{ "in an extension's name", CHUNKED "1;a", "b\r\nZ\r\n" LAST, extension_part, skip_equals },
	{ "at an extension's start", CHUNKED "1;", "\r\nZ\r\n" LAST, extension_part, skip_none },
	{ "in a quoted extension", CHUNKED "1;a=\"", "\"\r\nZ\r\n" LAST, quoted_part, skip_none },
	{ "behind chunk data", CHUNKED "1\r\nZ", "\r\n" LAST, never, skip_none },
	{ "for the CR behind chunk data", CHUNKED "1\r\nZ", "\n" LAST, never, skip_none },
	{ "for the LF behind chunk data", CHUNKED "1\r\nZ\r", LAST, never, skip_none },
	{ "behind the last size", CHUNKED "0", "\r\n\r\n", never, skip_hex },
	{ "in a trailer's name", CHUNKED "0\r\nX", "Y: z\r\n\r\n", name_part, skip_none },
	{ "in a trailer's value", CHUNKED "0\r\nX: y", "z\r\n\r\n", value_part, skip_none },
};

/* The rule's few exceptions, where an octet makes a whole of what stands around it. */
static bool completes(const struct family *f, int c)
{
	if (strncmp(f->why, "for the CR", 10) == 0)
		return c == '\r';
	if (strncmp(f->why, "for the LF", 10) == 0)
		return c == '\n';
	return false;
}

static bool made(size_t i, struct hostile *out)
{
	static char bytes[512], why[96];
	const struct family *f;
	int c = (int)(i % 256);
	size_t before, behind;

	if (i / 256 >= N(families))
		return false;
	f = &families[i / 256];
	if (f->skipped(c) && !completes(f, c))
		c = '\x01'; /* seen before: the count of rows stays simple */
	before = strlen(f->before);
	behind = strlen(f->behind);
	memcpy(bytes, f->before, before);
	bytes[before] = (char)c;
	memcpy(bytes + before + 1, f->behind, behind);
	snprintf(why, sizeof(why), "octet %02x %s", (unsigned)c, f->why);
	*out = (struct hostile){ why, bytes, before + 1 + behind, 0, HOSTILE_REFUSED };
	if (f->may(c) || completes(f, c)) {
		out->whole = 1;
		out->end = HOSTILE_TAKEN;
	}
	return true;
}

size_t hostile_requests_by_hand(void)
{
	return N(requests);
}

bool hostile_request(size_t i, struct hostile *out)
{
	if (i >= N(requests))
		return made(i - N(requests), out);
	*out = requests[i];
	return true;
}

bool hostile_answer(size_t i, struct hostile *out)
{
	if (i >= N(answers))
		return false;
	*out = answers[i];
	return true;
}
