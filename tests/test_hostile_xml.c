/* tests/test_hostile_xml.c - octets that are no XML or mean harm, at every place where XML comes in.
 *
 * Each row of hostile_xml.c is read alone, and in messages between provinces whose signatures are good, so that the
 * XML is all that is at fault: a request to us, a party's answer, and the answer that P201 brings in base64.  A file
 * and a listening port stand where the rows point to; nobody may touch them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/inotify.h>
#include <sys/socket.h>

#include "crossprovince_peer.h"
#include "hostile_xml.h"

#define WATCHDOG_S 300 /* a reader that stands still ends the program; all of it takes a few seconds */
#define SECRET "canary-3f1c"

/* -- the file and the port ---------------------------------------------------------------------- */

static char file[] = "/tmp/yt-canary-XXXXXX", port[8];
static int watch, listener;

static int lay_out(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int fd = mkstemp(file);

	alarm(WATCHDOG_S);
	if (fd < 0 || write(fd, SECRET, strlen(SECRET)) < 0 || close(fd) != 0)
		return -1;
	watch = inotify_init1(IN_NONBLOCK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (watch < 0 || listener < 0 || inotify_add_watch(watch, file, IN_OPEN | IN_ACCESS) < 0 ||
	        bind(listener, (struct sockaddr *)&at, n) != 0 || listen(listener, 1) != 0 ||
	        getsockname(listener, (struct sockaddr *)&at, &n) != 0)
		return -1;
	snprintf(port, sizeof(port), "%u", ntohs(at.sin_port));
	return 0;
}

static int clear_up(void **state)
{
	close(watch);
	close(listener);
	return unlink(file);
}

static void assert_untouched(const char *it)
{
	char event[sizeof(struct inotify_event) + 256];

	if (read(watch, event, sizeof(event)) > 0)
		fail_msg("%s: the file was opened", it);
	if (accept(listener, NULL, NULL) >= 0)
		fail_msg("%s: the port was called", it);
}

/* -- documents ---------------------------------------------------------------------------------- */

static const char *const harmless[HOSTILE_SLOTS] = { "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "<!-- c -->\n",
	" ", "NB1", "\n<!-- c -->\n" };

struct filled {
	struct yt_str slot[HOSTILE_SLOTS];
};

static struct yt_str aimed(struct yt_arena *arena, struct yt_str octets)
{
	static const struct {
		const char *mark, *by;
	} marks[] = { { "@FILE@", file }, { "@PORT@", port } };
	struct yt_buf out = { 0 };
	struct yt_str copy;

	for (size_t i = 0; i < octets.n;) {
		size_t m = 0;

		while (m < COUNT(marks) && !yt_str_starts((struct yt_str){ octets.p + i, octets.n - i }, marks[m].mark))
			m++;
		if (m < COUNT(marks))
			yt_buf_text(&out, marks[m].by), i += strlen(marks[m].mark);
		else
			yt_buf_byte(&out, octets.p[i++]);
	}
	assert_false(out.failed);
	copy = yt_arena_copy(arena, yt_buf_view(&out));
	yt_buf_free(&out);
	return copy;
}

/* row: NULL for the harmless one. */
static struct filled fill(struct yt_arena *arena, const struct hostile_xml *row)
{
	struct filled f;

	for (size_t i = 0; i < HOSTILE_SLOTS; i++)
		f.slot[i] = yt_str(harmless[i]);
	if (row != NULL)
		f.slot[row->slot] = aimed(arena, (struct yt_str){ row->octets, row->n });
	return f;
}

/* text with @@ replaced by the content. */
static struct yt_str with_content(struct world *w, const char *text, struct yt_str content)
{
	const char *at = strstr(text, "@@");
	struct yt_buf out = { 0 };

	assert_non_null(at);
	yt_buf_add(&out, text, (size_t)(at - text));
	yt_buf_str(&out, content);
	yt_buf_text(&out, at + 2);
	return kept(w, &out);
}

/* The message around body, its digest over body and its signature good. */
static struct yt_str signed_around(
        struct world *w, const struct doc *d, const struct filled *f, struct yt_str body, struct yt_str in_head)
{
	struct yt_str digest = sm3_hex(w, body), sign = signature_of(w, d, digest);
	struct yt_buf out = { 0 };

	yt_buf_str(&out, f->slot[HOSTILE_BEGIN]);
	yt_buf_str(&out, f->slot[HOSTILE_PROLOG]);
	yt_buf_text(&out, "<ksbw ver=\"1.0\"");
	yt_buf_str(&out, f->slot[HOSTILE_ATTR]);
	yt_buf_text(&out, "><head>");
	yt_buf_str(&out, in_head);
	yt_buf_printf(&out, "<transno>%s</transno><msgtype>%s</msgtype><transid>%s</transid>", d->transno, d->msgtype,
	        d->transid);
	if (d->reftransid[0] != '\0')
		yt_buf_printf(&out, "<reftransid>%s</reftransid>", d->reftransid);
	yt_buf_printf(&out, "<sender>%s</sender><recver>%s</recver><aab299>%s</aab299><aab301>%s</aab301>", d->sender,
	        d->recver, d->treating, d->insured);
	yt_buf_printf(
	        &out, "<sendtime>%s</sendtime><expire>%s</expire><keyid>%s</keyid>", d->sendtime, d->expire, d->keyid);
	yt_buf_printf(&out, "<digest>%.*s</digest><sign>%.*s</sign></head>\n  ", YT_FMT(digest), YT_FMT(sign));
	yt_buf_str(&out, body);
	yt_buf_text(&out, "</ksbw>");
	yt_buf_str(&out, f->slot[HOSTILE_END]);
	return kept(w, &out);
}

#define BILL                                                                                                              \
	"<input><aab299>330200</aab299><akb026>H33020300999</akb026><akb021>示例医院</akb021><aab301>621000</aab301>" \
	"<ykc700>S6210002603060000123</ykc700><aac001>62100000000000000000876543</aac001><aac043>01</aac043>"             \
	"<aac044>621002197203164015</aac044><aac003>苏望川</aac003><aka130>21</aka130><aae072>@@</aae072>"             \
	"<yzz021>Z1</yzz021><akc264>100.00</akc264><ake171>70.00</ake171><akc018>50.00</akc018><akc228>20.00</akc228>"    \
	"<akc232>5.00</akc232><akc233>5.00</akc233><akc234>5.00</akc234><akc235>5.00</akc235><akc253>6.00</akc253>"       \
	"<akc268>4.00</akc268><akc236>4.00</akc236><feecnt>2</feecnt>"                                                    \
	"<feehash>db29cc7e96b5992cec39d2e48c459721eb08bf5daa019261b01f043a033dfe73</feehash><ake170>0</ake170>"           \
	"<ake122>0</ake122><ykc701>20260306</ykc701><ykc702>20260318</ykc702><aae011>收费05</aae011>"                   \
	"<aae036>20260318101530</aae036></input>"
#define SAID "<result><errorcode>-3004</errorcode><errormsg>@@</errormsg><dupflag>0</dupflag></result>"

/* Both sides, a request of ours and the query about it. */
struct scene {
	struct world w;
	struct codec zj, gs;
	struct yt_msg *asked, *query;
};

static struct scene begin(void)
{
	struct scene s = { .w = world_open() };

	s.zj = open_with(&s.w, "330000", NULL, NULL);
	s.gs = open_with(&s.w, "620000", NULL, NULL);
	s.asked = case_of_8(&s.w);
	s.asked->own_number = YT_STR("330000202603181015300000000099");
	s.asked->sent = encoded(&s.w, &s.zj, s.asked);
	s.query = yt_msg_new(s.w.arena);
	assert_int_equal(s.zj.api->query_for(s.zj.plugin, s.asked, s.query), 0);
	s.query->own_number = YT_STR("330000202603181016000000000100");
	s.query->time = YT_STR("2026-03-18 10:16:00");
	s.query->sent = encoded(&s.w, &s.zj, s.query);
	return s;
}

static void end(struct scene *s)
{
	plugin_unload(s->zj.plugin);
	plugin_unload(s->gs.plugin);
	world_close(&s->w);
}

/* -- each row at each place --------------------------------------------------------------------- */

static int read_small(struct yt_arena *arena, const struct hostile_xml *row, struct yt_xml_error *err)
{
	struct filled f = fill(arena, row);
	struct yt_buf out = { 0 };
	struct yt_str octets;
	struct yt_xml xml;

	yt_buf_str(&out, f.slot[HOSTILE_BEGIN]);
	yt_buf_str(&out, f.slot[HOSTILE_PROLOG]);
	yt_buf_text(&out, "<r");
	yt_buf_str(&out, f.slot[HOSTILE_ATTR]);
	yt_buf_text(&out, "><a>");
	yt_buf_str(&out, f.slot[HOSTILE_CONTENT]);
	yt_buf_text(&out, "</a></r>");
	yt_buf_str(&out, f.slot[HOSTILE_END]);
	octets = yt_arena_copy(arena, yt_buf_view(&out));
	yt_buf_free(&out);
	return yt_xml_read(arena, octets, NULL, &xml, err);
}

static void test_read_alone(void **state)
{
	struct yt_arena *arena = yt_arena_new(0);
	struct yt_xml_error err;

	assert_true(n_hostile_xml >= 300);
	assert_int_equal(read_small(arena, NULL, &err), 0);
	for (size_t i = 0; i < n_hostile_xml; i++) {
		const struct hostile_xml *row = &hostile_xml[i];

		if (read_small(arena, row, &err) != YT_EFORMAT || err.why == NULL || err.line == 0)
			fail_msg("%s: is taken, or refused without a reason: %s", row->it, row->octets);
		assert_untouched(row->it);
		yt_arena_reset(arena);
	}
	yt_arena_free(arena);
}

static void assert_request_refused(struct scene *s, struct yt_str octets, const char *it)
{
	struct yt_msg *msg;

	if (decode(&s->w, &s->gs, octets, &msg) == 0)
		fail_msg("%s: the request is taken", it);
	if (strcmp(s->w.fault.path, "(message)") != 0 || !yt_str_is(msg->refusal, "-1001") || msg->is_authentic)
		fail_msg("%s: %.*s %s %s", it, YT_FMT(msg->refusal), s->w.fault.path, s->w.fault.why);
}

static void test_in_a_signed_request(void **state)
{
	struct scene s = begin();
	struct filled f = fill(s.w.arena, NULL);

	must_decode(&s.w, &s.gs,
	        signed_around(&s.w, &ksbw_request, &f, with_content(&s.w, BILL, f.slot[HOSTILE_CONTENT]), YT_STR("")));
	for (size_t i = 0; i < n_hostile_xml; i++) {
		const struct hostile_xml *row = &hostile_xml[i];

		f = fill(s.w.arena, row);
		assert_request_refused(&s,
		        signed_around(
		                &s.w, &ksbw_request, &f, with_content(&s.w, BILL, f.slot[HOSTILE_CONTENT]), YT_STR("")),
		        row->it);
		if (row->slot == HOSTILE_CONTENT) /* in the head, before anything is verified */
			assert_request_refused(&s,
			        signed_around(&s.w, &ksbw_request, &f, with_content(&s.w, BILL, YT_STR("NB1")),
			                f.slot[HOSTILE_CONTENT]),
			        row->it);
		assert_untouched(row->it);
	}
	end(&s);
}

static void test_in_a_signed_answer(void **state)
{
	struct scene s = begin();
	struct filled f = fill(s.w.arena, NULL);
	struct yt_reply *reply;

	reply = answered(&s.w, &s.zj, s.asked,
	        signed_around(&s.w, &ksbw_answer, &f, with_content(&s.w, SAID, f.slot[HOSTILE_CONTENT]), YT_STR("")));
	assert_int_equal(reply->outcome, YT_REFUSED);
	for (size_t i = 0; i < n_hostile_xml; i++) {
		const struct hostile_xml *row = &hostile_xml[i];

		f = fill(s.w.arena, row);
		reply = answered(&s.w, &s.zj, s.asked,
		        signed_around(
		                &s.w, &ksbw_answer, &f, with_content(&s.w, SAID, f.slot[HOSTILE_CONTENT]), YT_STR("")));
		if (reply->outcome != YT_UNKNOWN ||
		        !yt_str_starts(reply->text, "answer cannot be believed: (message) cannot be read"))
			fail_msg("%s: outcome %d %.*s", row->it, (int)reply->outcome, YT_FMT(reply->text));
		assert_untouched(row->it);
	}
	end(&s);
}

static enum yt_judgement judged(struct scene *s, const struct filled *f, struct yt_reply *adopted)
{
	struct filled good = fill(s->w.arena, NULL);
	struct doc a = ksbw_answer;
	struct yt_buf stored = { 0 }, body = { 0 };
	struct yt_str octets = with_content(&s->w, SAID, f->slot[HOSTILE_CONTENT]);

	yt_buf_str(&stored, f->slot[HOSTILE_PROLOG]);
	yt_buf_str(&stored, octets);
	yt_buf_str(&stored, f->slot[HOSTILE_END]);
	octets = kept(&s->w, &stored);
	yt_buf_text(&body, "<result><errorcode>0</errorcode><dupflag>0</dupflag><output><ostate>2</ostate><oresult>");
	yt_base64_add(&body, octets.p, octets.n);
	yt_buf_printf(
	        &body, "</oresult><oresdigest>%.*s</oresdigest></output></result>", YT_FMT(sm3_hex(&s->w, octets)));
	a.transno = "P201";
	a.reftransid = "330000202603181016000000000100";
	return s->zj.api->judge(s->zj.plugin, s->asked,
	        answered(&s->w, &s->zj, s->query, signed_around(&s->w, &a, &good, kept(&s->w, &body), YT_STR(""))),
	        adopted);
}

/* The stored <result> has no declaration: octets that are no UTF-8 may be GB18030, and then are well. */
static bool may_be_gb18030(const struct hostile_xml *row)
{
	struct yt_str octets = { row->octets, row->n };
	struct yt_buf utf8 = { 0 };
	bool is_one = yt_utf8_check(octets, NULL) != 0 && yt_gb18030_to_utf8(octets, &utf8, NULL) == 0;

	yt_buf_free(&utf8);
	return is_one;
}

static void test_in_a_stored_answer(void **state)
{
	struct scene s = begin();
	struct filled f = fill(s.w.arena, NULL);
	size_t n_gb18030 = 0;

	assert_int_equal(judged(&s, &f, yt_reply_new(s.w.arena)), YT_FOUND);
	for (size_t i = 0; i < n_hostile_xml; i++) {
		const struct hostile_xml *row = &hostile_xml[i];

		if (row->slot == HOSTILE_BEGIN || row->slot == HOSTILE_ATTR)
			continue; /* it has neither */
		f = fill(s.w.arena, row);
		if (judged(&s, &f, yt_reply_new(s.w.arena)) != YT_UNSURE) {
			if (!may_be_gb18030(row))
				fail_msg("%s: is adopted", row->it);
			n_gb18030++;
		}
		assert_untouched(row->it);
	}
	assert_true(n_gb18030 < 20);
	end(&s);
}

/* -- well-formed, and yet meant to reach something ---------------------------------------------- */

#define XI "xmlns:xi=\"http://www.w3.org/2001/XInclude\""
#define XSI "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""

/* part of a good request by what: before it is signed, so that only its schema can refuse it. */
static const struct reaching_case {
	const char *it, *part, *by, *path;
} reaching_cases[] = {
	{ "XInclude as text", "NB1", "<xi:include " XI " href=\"file://@FILE@\"/>", "input.aae072" },
	{ "XInclude with a fallback", "NB1",
	        "<xi:include " XI " href=\"@FILE@\"><xi:fallback>NB1</xi:fallback></xi:include>", "input.aae072" },
	{ "XInclude between elements", "<aka130>", "<xi:include " XI " href=\"http://127.0.0.1:@PORT@/\"/><aka130>",
	        "input.include" },
	{ "a schema by location", "<aae072>", "<aae072 " XSI " xsi:schemaLocation=\"u http://127.0.0.1:@PORT@/\">",
	        "input.aae072" },
	{ "a schema without namespace", "<aae072>", "<aae072 " XSI " xsi:noNamespaceSchemaLocation=\"file://@FILE@\">",
	        "input.aae072" },
	{ "nil", "<aae072>", "<aae072 " XSI " xsi:nil=\"true\">", "input.aae072" },
	{ "a type by attribute", "<aae072>", "<aae072 " XSI " xsi:type=\"a\">", "input.aae072" },
	{ "xml:base", "<aae072>", "<aae072 xml:base=\"file:///\">", "input.aae072" },
	{ "xml:space", "<aae072>", "<aae072 xml:space=\"preserve\">", "input.aae072" },
	{ "xml:id", "<aae072>", "<aae072 xml:id=\"a\">", "input.aae072" },
	{ "a link", "<aae072>", "<aae072 xmlns:l=\"http://www.w3.org/1999/xlink\" l:href=\"file://@FILE@\">",
	        "input.aae072" },
	{ "an element of another namespace", "<aae072>NB1</aae072>", "<p:aae072 xmlns:p=\"u\">NB1</p:aae072>",
	        "input.aae072" },
	{ "another default namespace", "<aae072>", "<aae072 xmlns=\"u\">", "input.aae072" },
	{ "a body of another namespace", "<input>", "<input xmlns=\"u\">", "input.@xmlns" },
	{ "an ID on the body", "<input>", "<input Id=\"a\">", "input.@Id" },
	{ "a style sheet's element", "NB1",
	        "<x:value-of xmlns:x=\"http://www.w3.org/1999/XSL/Transform\" select=\"document('@FILE@')\"/>",
	        "input.aae072" },
	{ "an XML signature", "NB1", "<Signature><Reference URI=\"file://@FILE@\"/></Signature>", "input.aae072" },
	{ "an element that was hidden in CDATA", "<aka130>", "<![CDATA[<aka130>11</aka130>]]><aka130>", "(message)" },
	{ "an amount with a comment inside", "100.00", "1<!-- c -->00.00", NULL },
	{ "an amount in CDATA", "100.00", "<![CDATA[100.00]]>", NULL },
	{ "an amount by references", "100.00", "&#49;&#x30;0.00", NULL },
	{ "a full-width amount", "100.00", "１００.00", "input.akc264" },
	{ "an amount with a space", "100.00", " 100.00", "input.akc264" },
	{ "an amount with a line end by reference", "100.00", "100.00&#10;", "input.akc264" },
};

static void test_what_reaches_out(void **state)
{
	struct scene s = begin();
	const char *good = with_content(&s.w, BILL, YT_STR("NB1")).p;

	for (size_t i = 0; i < COUNT(reaching_cases); i++) {
		const struct reaching_case *row = &reaching_cases[i];
		struct filled f = fill(s.w.arena, NULL);
		struct yt_str body = aimed(s.w.arena, yt_str(replaced(&s.w, good, row->part, row->by)));
		struct yt_msg *msg;
		int rv = decode(&s.w, &s.gs, signed_around(&s.w, &ksbw_request, &f, body, YT_STR("")), &msg);

		if (row->path == NULL) { /* says the same in other octets, and its sender signed those */
			if (rv != 0 || msg->amount_fen != 10000)
				fail_msg("%s: %s %s", row->it, s.w.fault.path, s.w.fault.why);
		} else if (rv == 0 || strcmp(s.w.fault.path, row->path) != 0) {
			fail_msg("%s: %d %s %s", row->it, rv, s.w.fault.path, s.w.fault.why);
		}
		assert_untouched(row->it);
	}
	end(&s);
}

/* The digest is over the octets that came: the same text in other octets is another message. */
static void test_digest_is_over_the_octets(void **state)
{
	static const struct {
		const char *part, *by;
	} rows[] = { { "NB1", "NB&#49;" }, { "NB1", "<![CDATA[NB1]]>" }, { "NB1", "N<!-- -->B1" },
		{ "<aae072>", "<aae072 >" }, { "</aae072>", "</aae072\n>" }, { "<input>", "<input\t>" },
		{ "<aae072>", "\n<aae072>" }, { "<aae072>", "<!-- --><aae072>" } };
	struct scene s = begin();
	struct filled f = fill(s.w.arena, NULL);
	const char *good =
	        signed_around(&s.w, &ksbw_request, &f, with_content(&s.w, BILL, YT_STR("NB1")), YT_STR("")).p;
	struct yt_msg *msg;

	must_decode(&s.w, &s.gs, yt_str(good));
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (decode(&s.w, &s.gs, yt_str(replaced(&s.w, good, rows[i].part, rows[i].by)), &msg) == 0)
			fail_msg("%s: is taken", rows[i].by);
		assert_text(msg->refusal, "-1003");
	}
	end(&s);
}

/* -- much of something -------------------------------------------------------------------------- */

/* begin, then n times what, then behind; up to the four MiB that a message may have. */
static const struct hungry_case {
	const char *it, *begin, *what;
	uint32_t n;
	const char *behind;
} hungry_cases[] = {
	{ "<", "", "<", 4000000, "" },
	{ "open elements", "", "<a>", 1300000, "" },
	{ "nested elements", "<r>", "<a><b><c>", 400000, "" },
	{ "empty elements", "<r>", "<a/>", 1000000, "</r>" },
	{ "attributes", "<r ", "a='' ", 800000, "/>" },
	{ "attributes of other names without end", "<r a", "='' b", 700000, "" },
	{ "namespaces", "<r ", "xmlns:a='u' ", 300000, "/>" },
	{ "a name", "<", "a", 4000000, "/>" },
	{ "a prefix", "<", "a", 2000000, ":b/>" },
	{ "the name of an attribute", "<r ", "a", 4000000, "=''/>" },
	{ "the name of an entity", "<r>&", "a", 4000000, ";</r>" },
	{ "the name of an instruction", "<r><?", "a", 4000000, "?></r>" },
	{ "a text", "<r>", "a", 4000000, "</r>" },
	{ "an attribute's value", "<r a='", "a", 4000000, "'/>" },
	{ "references in a text", "<r>", "&#38;", 800000, "</r>" },
	{ "references in an attribute", "<r a='", "&#38;", 800000, "'/>" },
	{ "the digits of a reference", "<r>&#", "0", 4000000, "65;</r>" },
	{ "the hexadecimal digits of a reference", "<r>&#x", "f", 4000000, ";</r>" },
	{ "a comment", "<r><!--", "a", 4000000, "--></r>" },
	{ "hyphens in a comment", "<r><!--", "- ", 2000000, "--></r>" },
	{ "comments", "<r>", "<!---->", 590000, "</r>" },
	{ "comments before the root", "", "<!---->", 590000, "<r/>" },
	{ "comments without end", "", "<!--", 1000000, "" },
	{ "CDATA", "<r>", "<![CDATA[]]>", 340000, "</r>" },
	{ "CDATA without end", "<r>", "<![CDATA[", 450000, "" },
	{ "brackets", "<r>", "]", 4000000, "</r>" },
	{ "brackets in CDATA", "<r><![CDATA[", "]", 4000000, "]]></r>" },
	{ "instructions without end", "<r>", "<?", 2000000, "" },
	{ "spaces before the root", "", " ", 4000000, "<r/>" },
	{ "spaces in a tag", "<r", " ", 4000000, "/>" },
	{ "spaces behind the root", "<r/>", " ", 4000000, "" },
	{ "line ends", "<r>", "\r\n", 2000000, "</r>" },
	{ "a declaration", "<?xml version='1.0'", " ", 4000000, "?><r/>" },
	{ "quotes", "<r a='", "'\"", 2000000, "/>" },
	{ "a DOCTYPE's name", "<!DOCTYPE ", "a", 4000000, "><r/>" },
	{ "brackets of a DOCTYPE", "<!DOCTYPE r ", "[", 4000000, "><r/>" },
	{ "entities", "<!DOCTYPE r [", "<!ENTITY a 'v'>", 260000, "]><r/>" },
	{ "a model", "<!DOCTYPE r [<!ELEMENT r ", "(", 4000000, ">]><r/>" },
	{ "one entity many times", "<!DOCTYPE r [<!ENTITY a 'aaaaaaaaaaaaaaaaaaaa'>]><r>", "&a;", 1300000, "</r>" },
	{ "end tags", "<r>", "</r>", 1000000, "" },
	{ "Han characters", "<r>", "䶮", 1300000, "</r>" },
};

#ifdef __SANITIZE_ADDRESS__
#define PART 8 /* of the size; all of it takes a minute here, and two seconds without the sanitizer */
#else
#define PART 1
#endif

static struct yt_str much(const struct hungry_case *row)
{
	struct yt_buf out = { 0 }, block = { 0 }; /* appended by the block: there are millions */
	const uint32_t n_block = 4096;

	for (uint32_t i = 0; i < n_block; i++)
		yt_buf_text(&block, row->what);
	yt_buf_text(&out, row->begin);
	for (uint32_t i = 0; i < row->n / n_block / PART; i++)
		yt_buf_str(&out, yt_buf_view(&block));
	yt_buf_text(&out, row->behind);
	yt_buf_free(&block);
	assert_false(out.failed);
	assert_true(out.n > 0 && out.n <= 4 << 20);
	return yt_buf_view(&out);
}

/* Whatever it is, it ends soon, and what is kept of it stays below eight times the largest message. */
static void test_much_of_something(void **state)
{
	struct scene s = begin();

	for (size_t i = 0; i < COUNT(hungry_cases); i++) {
		struct yt_str octets = much(&hungry_cases[i]);
		struct yt_arena *arena = yt_arena_new(32 << 20);
		struct yt_xml_error err;
		struct yt_msg *msg;
		struct yt_xml xml;

		if (yt_xml_read(arena, octets, NULL, &xml, &err) == YT_ENOMEM)
			fail_msg("%s: takes more than 32 MiB", hungry_cases[i].it);
		if (decode(&s.w, &s.gs, octets, &msg) == 0)
			fail_msg("%s: is taken", hungry_cases[i].it);
		yt_arena_free(arena);
		free((char *)octets.p);
	}
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_alone),
		cmocka_unit_test(test_in_a_signed_request),
		cmocka_unit_test(test_in_a_signed_answer),
		cmocka_unit_test(test_in_a_stored_answer),
		cmocka_unit_test(test_what_reaches_out),
		cmocka_unit_test(test_digest_is_over_the_octets),
		cmocka_unit_test(test_much_of_something),
	};

	return cmocka_run_group_tests(tests, lay_out, clear_up);
}
