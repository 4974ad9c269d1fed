/* sandbox/away.c - people insured here, treated in Shanghai: what the hub passes on to us (play.h).
 *
 * The hospital's province sends its messages to the gateway's listener for the hub, signed with its own key; the
 * gateway asks the platform who it is and passes everything else on to our province's end.  No answer: asked by P201,
 * or the same octets again. */
#include "benefit.h"
#include "hub.h"
#include "play.h"
#include "text.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPIRE_S 6
#define TRIES 20

struct exchange { /* one message and what came back */
	struct hub_message asked, heard;
	char *octets;
	size_t len;
	bool is_answered; /* with a good signature; else unknown */
	int code;         /* errorcode */
	bool is_repeat;   /* dupflag */
	xmlNodePtr output;
};

struct text {
	char *p;
	size_t n;
	FILE *out;
};

static void text_begin(struct text *t)
{
	t->out = must(open_memstream(&t->p, &t->n));
	fputs("<input>", t->out);
}

static void put(struct text *t, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void put(struct text *t, const char *name, const char *format, ...)
{
	va_list args;

	fprintf(t->out, "<%s>", name);
	va_start(args, format);
	vfprintf(t->out, format, args);
	va_end(args);
	fprintf(t->out, "</%s>", name);
}

static void put_fen(struct text *t, const char *name, int64_t fen)
{
	char text[24];

	fen_text(fen, text);
	put(t, name, "%s", text);
}

static void put_party(struct text *t, const struct care *care)
{
	put(t, "aab299", "%s", care->origin->area);
	put(t, "akb026", "%s", care->origin->institution);
	put(t, "akb021", "%s", care->origin->institution_name);
	put(t, "aab301", "%s", care->patient->insuplc);
}

static void put_person(struct text *t, const struct care *care, bool with_number)
{
	if (with_number)
		put(t, "aac001", "%s", care->psn_no);
	put(t, "aac043", "01");
	put(t, "aac044", "%s", care->patient->certno);
	put(t, "aac003", "%s", care->patient->name);
}

static void put_operator(struct text *t)
{
	char time[18];

	time_digits(clock_wall_ms(), time);
	put(t, "aae011", "收费01");
	put(t, "aae036", "%.14s", time);
}

/* -- one exchange -- */

static size_t on_data(char *data, size_t size, size_t n, void *context)
{
	fwrite(data, size, n, context);
	return size * n;
}

static struct hub_keys *keys_of(struct play *play)
{
	return hub_keys_open(play->demo->options->keys);
}

static void post(struct play *play, struct exchange *x)
{
	const struct origin *origin = play->care->origin;
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/xml; charset=UTF-8");
	CURL *curl = must(curl_easy_init());
	struct hub_keys *keys = keys_of(play);
	struct text got;
	char code[12], flag[4];
	const char *why;
	long status = 0;

	got.out = must(open_memstream(&got.p, &got.n));
	headers = curl_slist_append(headers, "Expect:");
	curl_easy_setopt(curl, CURLOPT_URL, origin->url);
	curl_easy_setopt(curl, CURLOPT_CAINFO, origin->ca);
	curl_easy_setopt(curl, CURLOPT_SSLCERT, origin->cert);
	curl_easy_setopt(curl, CURLOPT_SSLKEY, origin->key);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 8000L);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, x->octets);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->len);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, got.out);
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	fclose(got.out);
	hub_message_free(&x->heard);
	x->is_answered = status == 200 && hub_read(keys, got.p, got.n, &x->heard, &why) == 0 &&
	                 strcmp(x->heard.reftransid, x->asked.transid) == 0;
	if (x->is_answered) {
		x->code = atoi(hub_text(x->heard.input, "errorcode", code, sizeof(code)));
		x->is_repeat = *hub_text(x->heard.input, "dupflag", flag, sizeof(flag)) == '1';
		x->output = hub_child(x->heard.input, "output");
	} else {
		play_fail(play, "%s: HTTP %ld %.200s", x->asked.transno, status, got.p);
	}
	hospital_count(play->desk.run, x->asked.transno,
	        !x->is_answered ? ANSWER_UNKNOWN
	        : x->code == 0  ? ANSWER_DONE
	                        : ANSWER_REFUSED,
	        0);
	free(got.p);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	hub_keys_close(keys);
}

/* Closes input and sends it; x to be freed with done(). */
static void ask(struct play *play, const char *transno, struct text *input, struct exchange *x)
{
	static atomic_ullong serial;
	struct hub_keys *keys = keys_of(play);
	char time[18];

	memset(x, 0, sizeof(*x));
	fputs("</input>", input->out);
	fclose(input->out);
	time_digits(clock_wall_ms(), time);
	text_format(x->asked.transno, sizeof(x->asked.transno), "%s", transno);
	text_format(x->asked.msgtype, sizeof(x->asked.msgtype), "Q");
	text_format(x->asked.sender, sizeof(x->asked.sender), "%s", play->care->origin->area);
	text_format(x->asked.recver, sizeof(x->asked.recver), "%.2s0000", play->care->patient->insuplc);
	text_format(x->asked.aab299, sizeof(x->asked.aab299), "%s", play->care->origin->area);
	text_format(x->asked.aab301, sizeof(x->asked.aab301), "%s", play->care->patient->insuplc);
	text_format(x->asked.transid, sizeof(x->asked.transid), "%s%.14s%010llu", x->asked.sender, time,
	        (unsigned long long)atomic_fetch_add(&serial, 1) + 1);
	x->asked.expire_s = EXPIRE_S;
	x->asked.is_gb18030 = play->number % 2 == 1;
	x->octets = hub_request(keys, &x->asked, input->p, clock_wall_ms(), &x->len);
	free(input->p);
	hub_keys_close(keys);
	post(play, x);
}

static void done(struct exchange *x)
{
	hub_message_free(&x->heard);
	free(x->octets);
	memset(x, 0, sizeof(*x));
}

/* 0 when it was done, else -1 with the reason. */
static int is_done(struct play *play, const struct exchange *x)
{
	char text[200];

	if (x->is_answered && x->code == 0 && x->output != NULL)
		return 0;
	if (x->is_answered)
		play_fail(play, "%s: %d %s", x->asked.transno, x->code,
		        hub_text(x->heard.input, "errormsg", text, sizeof(text)));
	return -1;
}

/* -- a visit -- */

static int check_person(struct play *play)
{
	struct care *care = play->care;
	char time[18], name[51];
	struct exchange x;
	struct text in;
	int rv;

	time_digits(clock_wall_ms(), time);
	text_begin(&in);
	put_party(&in, care);
	put_person(&in, care, false);
	put(&in, "aka130", "%s", care->is_inpatient ? "21" : "11");
	put(&in, "ake007", "%.8s", time);
	ask(play, "0211", &in, &x);
	rv = is_done(play, &x);
	if (rv == 0) {
		hub_text(x.output, "aac001", care->psn_no, sizeof(care->psn_no));
		if (strcmp(hub_text(x.output, "aac003", name, sizeof(name)), care->patient->name) != 0)
			rv = play_fail(play, "0211: answered about somebody else");
	}
	done(&x);
	return rv;
}

static int enter(struct play *play)
{
	struct care *care = play->care;
	char time[18];
	struct exchange x;
	struct text in;
	int rv;

	time_digits(clock_wall_ms(), time);
	text_begin(&in);
	put_party(&in, care);
	put_person(&in, care, true);
	put(&in, "aae140", "%s", care->patient->insutype);
	put(&in, "aka130", "%s", care->is_inpatient ? "21" : "11");
	put(&in, "akc190", "%s", care->own_number);
	put(&in, "emerg", "0");
	put(&in, "trauma", "0");
	put(&in, "ake007", "%.14s", time);
	put(&in, "akc050", "急性上呼吸道感染");
	put(&in, "akc193", "J06.900");
	put_operator(&in);
	ask(play, "0212", &in, &x);
	rv = is_done(play, &x);
	if (rv == 0)
		hub_text(x.output, "ykc700", care->visit, sizeof(care->visit));
	done(&x);
	return rv;
}

static void put_line(struct text *in, struct care *care, size_t i)
{
	const struct bill_line *line = &care->bill->lines[i];
	struct benefit_line split;
	char time[18];

	benefit_split_line(line->code, line->amount_fen, line->count_e4, &split);
	care->full_fen += split.full_fen;
	care->over_fen += split.over_fen;
	care->first_fen += split.first_fen;
	care->scope_fen += split.scope_fen;
	time_digits(clock_wall_ms(), time);
	fputs("<row>", in->out);
	put(in, "ykc610", "%04zu", i + 1);
	put(in, "akc221", "%.14s", time);
	put(in, "yka111", "%s", split.kind_code);
	put(in, "ake001", "%s", line->code);
	put(in, "ake002", "%s", line->name);
	put(in, "ake005", "%s", line->code);
	put(in, "ake006", "%s", line->name);
	put(in, "akc226", "%.4f", (double)line->count_e4 / 1e4);
	put(in, "akc225", "%.4f", (double)line->price_fen / 100);
	put_fen(in, "akc264", line->amount_fen);
	put_fen(in, "akc228", split.first_fen);
	put_fen(in, "akc253", split.full_fen);
	put_fen(in, "akc268", split.over_fen);
	put_fen(in, "ake171", split.scope_fen);
	put(in, "aka065", "%s", split.class_code);
	fputs("</row>", in->out);
}

static int charge(struct play *play)
{
	struct care *care = play->care;
	struct exchange x;
	struct text in;
	int rv;

	text_begin(&in);
	put_party(&in, care);
	put(&in, "ykc700", "%s", care->visit);
	put(&in, "aac001", "%s", care->psn_no);
	put(&in, "akc190", "%s", care->own_number);
	put(&in, "pageno", "1");
	fputs("<detail>", in.out);
	for (size_t i = 0; i < care->bill->n_lines; i++)
		put_line(&in, care, i);
	fputs("</detail>", in.out);
	put_operator(&in);
	ask(play, "0301", &in, &x);
	rv = is_done(play, &x);
	done(&x);
	return rv;
}

/* Over the lines as they were sent (crossprovince.md 7.3). */
static void fee_hash(const struct bill *bill, char out[65])
{
	struct text all;

	all.out = must(open_memstream(&all.p, &all.n));
	for (size_t i = 0; i < bill->n_lines; i++) {
		const struct bill_line *line = &bill->lines[i];
		char amount[24];

		fen_text(line->amount_fen, amount);
		fprintf(all.out, "%04zu|%s|%.4f|%.4f|%s\n", i + 1, line->code, (double)line->count_e4 / 1e4,
		        (double)line->price_fen / 100, amount);
	}
	fclose(all.out);
	sm3_hex(all.p, all.n, out);
	free(all.p);
}

static void put_shares(struct text *in, const struct care *care)
{
	static const char *const names[] = { "akc232", "akc233", "akc234", "akc235" };
	int64_t shares[4] = { 0 }, class_01_fen = 0, bed_fen = 0;

	for (size_t i = 0; i < care->bill->n_lines; i++) {
		const struct bill_line *line = &care->bill->lines[i];
		struct benefit_line split;

		benefit_split_line(line->code, line->amount_fen, line->count_e4, &split);
		shares[split.kind_code[1] == '9' || split.kind_code[0] == '1' ? 0
		        : split.kind_code[1] == '8'                           ? 2
		                                                              : 1] += split.first_fen;
		class_01_fen += strcmp(split.class_code, "01") == 0 ? split.scope_fen : 0;
		bed_fen += strcmp(split.kind_code, "01") == 0 ? split.over_fen : 0;
	}
	put_fen(in, "akc018", class_01_fen);
	put_fen(in, "akc228", care->first_fen);
	for (size_t i = 0; i < 4; i++)
		put_fen(in, names[i], shares[i]);
	put_fen(in, "akc253", care->full_fen);
	put_fen(in, "akc268", care->over_fen);
	put_fen(in, "akc236", bed_fen);
}

/* 0303, 0304 */
static void settle(struct play *play, const char *transno, struct exchange *x)
{
	struct care *care = play->care;
	char hash[65], time[18];
	struct text in;

	fee_hash(care->bill, hash);
	time_digits(clock_wall_ms(), time);
	text_begin(&in);
	put_party(&in, care);
	put(&in, "ykc700", "%s", care->visit);
	put_person(&in, care, true);
	put(&in, "aka130", "%s", care->is_inpatient ? "21" : "11");
	put(&in, "aae072", "SH%s", care->own_number);
	put(&in, "yzz021", "%s-1", care->own_number);
	put_fen(&in, "akc264", care->bill->total_fen);
	put_fen(&in, "ake171", care->scope_fen);
	put_shares(&in, care);
	put(&in, "feecnt", "%zu", care->bill->n_lines);
	put(&in, "feehash", "%s", hash);
	put(&in, "ake170", "0");
	put(&in, "ake122", "1");
	put(&in, "ykc701", "%.8s", time);
	put(&in, "ykc702", "%.8s", time);
	put_operator(&in);
	ask(play, transno, &in, x);
}

static void book(struct care *care, xmlNodePtr output, const char *transid)
{
	care->belief = BELIEF_SETTLED;
	text_format(care->msgid, sizeof(care->msgid), "%s", transid);
	hub_text(output, "aaz216", care->setl_id, sizeof(care->setl_id));
	care->total_fen = hub_fen(output, "akc264");
	care->fund_fen = hub_fen(output, "ake149");
	care->account_fen = hub_fen(output, "ake038");
	care->cash_fen = hub_fen(output, "akb067");
}

static int open_visit(struct play *play)
{
	struct exchange x;
	int rv = check_person(play);

	if (rv == 0)
		rv = enter(play);
	if (rv == 0)
		rv = charge(play);
	if (rv != 0)
		return rv;
	settle(play, "0303", &x);
	rv = is_done(play, &x);
	done(&x);
	return rv;
}

/* The same octets until they are answered. */
static int send_until_answered(struct play *play, struct exchange *x)
{
	for (int i = 0; i < TRIES && !x->is_answered; i++) {
		sleep_ms(300);
		post(play, x);
	}
	if (x->is_answered)
		play->desk.why[0] = '\0';
	return is_done(play, x);
}

static int case_normal(struct play *play)
{
	struct exchange x;
	int rv = open_visit(play);

	if (rv != 0)
		return rv;
	settle(play, "0304", &x);
	rv = send_until_answered(play, &x);
	if (rv == 0)
		book(play->care, x.output, x.asked.transid);
	done(&x);
	return rv;
}

/* Sent again as it was: the stored answer, marked as a repeat, and nothing booked. */
static int case_again(struct play *play)
{
	struct exchange x;
	char id[31];
	int rv = open_visit(play);

	if (rv != 0)
		return rv;
	if (*play->argument != '\0' && play_arm(play, "0304", play->care->own_number, play->argument, 0) != 0)
		return -1;
	settle(play, "0304", &x);
	rv = send_until_answered(play, &x);
	if (rv == 0)
		book(play->care, x.output, x.asked.transid);
	post(play, &x);
	if (rv == 0)
		rv = is_done(play, &x);
	if (rv == 0 && strcmp(hub_text(x.output, "aaz216", id, sizeof(id)), play->care->setl_id) != 0)
		rv = play_fail(play, "0304 again has another settlement: %s", id);
	if (rv == 0 && !x.is_repeat)
		rv = play_fail(play, "0304 again is not marked as a repeat");
	done(&x);
	return rv;
}

/* Asks until the outcome of asked is known; the stored result is the answer. */
static int find_out(struct play *play, const struct hub_message *asked)
{
	char state[4] = "", *base64, *octets;
	struct exchange x;
	struct text in;
	xmlDocPtr doc;
	int len;

	for (int i = 0; i < TRIES; i++) {
		text_begin(&in);
		put_party(&in, play->care);
		put(&in, "otransno", "%s", asked->transno);
		put(&in, "otransid", "%s", asked->transid);
		put(&in, "odigest", "%s", asked->digest);
		ask(play, "P201", &in, &x);
		if (is_done(play, &x) == 0 && *hub_text(x.output, "ostate", state, sizeof(state)) == '2')
			break;
		done(&x);
		sleep_ms(300);
	}
	if (strcmp(state, "2") != 0)
		return play_fail(play, "P201: ostate %s, expected 2", state);
	play->desk.why[0] = '\0';
	base64 = must(malloc(x.heard.doc == NULL ? 1 : 65536));
	hub_text(x.output, "oresult", base64, 65536);
	octets = must(malloc(65536));
	len = EVP_DecodeBlock((unsigned char *)octets, (const unsigned char *)base64, (int)strlen(base64));
	while (len > 0 && octets[len - 1] == '\0')
		len--;
	doc = xmlReadMemory(
	        octets, len, NULL, play->number % 2 == 1 ? "GB18030" : "UTF-8", XML_PARSE_NONET | XML_PARSE_NOERROR);
	if (doc != NULL)
		book(play->care, hub_child(xmlDocGetRootElement(doc), "output"), asked->transid);
	xmlFreeDoc(doc);
	free(base64);
	free(octets);
	done(&x);
	return play->care->belief == BELIEF_SETTLED ? 0 : play_fail(play, "P201: oresult cannot be read");
}

static int case_asked_for(struct play *play)
{
	struct exchange x;
	int rv = open_visit(play);

	if (rv != 0 || play_arm(play, "0304", play->care->own_number, play->argument, 0) != 0)
		return -1;
	settle(play, "0304", &x);
	if (x.is_answered) { /* the gateway has found it out itself */
		rv = is_done(play, &x);
		if (rv == 0)
			book(play->care, x.output, x.asked.transid);
	} else {
		rv = find_out(play, &x.asked);
		if (rv == 0)
			rv = send_until_answered(play, &x); /* so that the gateway hears that its answer has arrived */
	}
	done(&x);
	return rv;
}

static int cancel(struct play *play)
{
	struct care *care = play->care;
	struct exchange x;
	struct text in;
	int rv;

	text_begin(&in);
	put_party(&in, care);
	put_person(&in, care, true);
	put(&in, "ykc700", "%s", care->visit);
	put(&in, "aaz216", "%s", care->setl_id);
	put(&in, "yzz021", "%s-2", care->own_number);
	put_fen(&in, "akc264", -care->total_fen);
	put_fen(&in, "ake149", -care->fund_fen);
	put_fen(&in, "ake038", -care->account_fen);
	put_fen(&in, "akb067", -care->cash_fen);
	put(&in, "aae013", "退费");
	put_operator(&in);
	ask(play, "0305", &in, &x);
	rv = send_until_answered(play, &x);
	if (rv == 0) {
		care->belief = BELIEF_CANCELLED;
		hub_text(x.output, "aaz216", care->refund_setl_id, sizeof(care->refund_setl_id));
	}
	done(&x);
	return rv;
}

static int case_cancel(struct play *play)
{
	return case_normal(play) == 0 ? cancel(play) : -1;
}

static int discharge(struct play *play)
{
	struct care *care = play->care;
	char time[18];
	struct exchange x;
	struct text in;
	int rv;

	time_digits(clock_wall_ms(), time);
	text_begin(&in);
	put_party(&in, care);
	put(&in, "ykc700", "%s", care->visit);
	put(&in, "aac001", "%s", care->psn_no);
	put(&in, "akc190", "%s", care->own_number);
	put(&in, "ykc701", "%.8s", time);
	put(&in, "ykc702", "%.8s", time);
	put(&in, "akc196", "J06.900");
	put(&in, "akc185", "急性上呼吸道感染");
	fputs("<diag>", in.out);
	put(&in, "akc196", "J06.900");
	put(&in, "akc185", "急性上呼吸道感染");
	put(&in, "mainflag", "1");
	fputs("</diag>", in.out);
	put(&in, "ykc195", "1");
	put_operator(&in);
	ask(play, "0215", &in, &x);
	rv = is_done(play, &x);
	done(&x);
	return rv;
}

/* A stay of somebody who agreed that his insurer at home is told: claimed from what the hub passed on. */
static int claimed(struct play *play, const char *status)
{
	struct care *care = play->care;
	struct exchange x;
	int rv;

	play_big_bill(play);
	time_text(clock_wall_ms(), care->begntime);
	rv = open_visit(play);
	if (rv == 0)
		rv = discharge(play);
	if (rv == 0)
		rv = play_agree(play);
	if (rv != 0)
		return rv;
	settle(play, "0304", &x);
	rv = send_until_answered(play, &x);
	if (rv == 0)
		book(care, x.output, x.asked.transid);
	done(&x);
	return rv == 0 ? play_await_claim(play, status) : rv;
}

static int case_claimed(struct play *play)
{
	return claimed(play, "PAID");
}

/* The other province takes its settlement back before the insurer has decided. */
static int case_withdrawn(struct play *play)
{
	int rv = claimed(play, "RECEIVED");

	if (rv == 0)
		rv = cancel(play);
	return rv == 0 ? play_await_claim(play, "REJECTED") : rv;
}

static const struct case_kind claim_kinds[] = {
	{ "away-claim-back", "claimed here, then cancelled there: the claim is withdrawn", 2, NULL, case_withdrawn, -1,
	        'i', true },
	{ "away-claim", "treated in Shanghai, claimed at the insurer here", 4, NULL, case_claimed, -1, 'i', true },
};

const struct case_table away_claim_cases = { claim_kinds, sizeof(claim_kinds) / sizeof(*claim_kinds), WHO_AWAY_CLAIM };

static const struct case_kind kinds[] = {
	{ "away-lost-after", "settled by our province, its answer is lost: P201", 3, "effect_then_cut", case_asked_for,
	        -1, 'b', true },
	{ "away-lost-again", "likewise, and sent again as it was", 2, "effect_then_cut", case_again, -1, 'b', true },
	{ "away-again", "one message again", 2, "", case_again, -1, 'b', true },
	{ "away-cancel", "settled and cancelled", 3, NULL, case_cancel, -1, 'b', true },
	{ "away-in", "in-patient in Shanghai", 8, NULL, case_normal, -1, 'i', true },
	{ "away-out", "out-patient in Shanghai", 14, NULL, case_normal, -1, 'o', true },
};

const struct case_table away_cases = { kinds, sizeof(kinds) / sizeof(*kinds), WHO_AWAY };
