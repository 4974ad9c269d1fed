/* tests/crash/crash_message.c - what the harness's hospitals say, and the book of what they heard. */
#include "crash_run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SERIALS 8000 /* a second; the gateway keeps the upper ones for its own messages */

struct book_of_messages said = { .lock = PTHREAD_MUTEX_INITIALIZER };
static _Atomic uint64_t n_numbers;

static void time_text(time_t at, const char *format, char *out, size_t size)
{
	struct tm tm;

	at += 8 * 3600; /* business time is UTC+8 */
	gmtime_r(&at, &tm);
	strftime(out, size, format, &tm);
}

/* A number never used before; the time in it runs ahead of the clock where needed. */
static void number(const struct hospital *h, char out[40])
{
	static time_t base;
	uint64_t n = n_numbers++;
	char second[24];

	if (base == 0)
		base = time(NULL);
	time_text(base + (time_t)(n / SERIALS), "%Y%m%d%H%M%S", second, sizeof(second));
	snprintf(out, 40, "%s%s%04d", h->institution, second, (int)(n % SERIALS));
}

/* The envelope of a message around its business part. */
static char *wrap(const struct hospital *h, const char *infno, const char *msgid, const char *input)
{
	char now[24], *body;

	time_text(time(NULL), "%Y-%m-%d %H:%M:%S", now, sizeof(now));
	if (asprintf(&body,
	            "{\"infno\":\"%s\",\"msgid\":\"%s\",\"mdtrtarea_admvs\":\"330213\",\"insuplc_admdvs\":\"%s\","
	            "\"recer_sys_code\":\"YBXT\",\"dev_no\":\"\",\"dev_safe_info\":\"\",\"cainfo\":\"\",\"signtype\":"
	            "\"\","
	            "\"infver\":\"V1.0\",\"opter_type\":\"1\",\"opter\":\"S%04d\",\"opter_name\":\"收费员\",\"inf_"
	            "time\":\"%s\","
	            "\"fixmedins_code\":\"%s\",\"fixmedins_name\":\"示例市医院\",\"sign_no\":\"\",\"input\":%s}",
	            infno, msgid, h->insuplc, h->number, now, h->institution, input) < 0)
		abort();
	return body;
}

static struct message *make(const struct hospital *h, const char *infno, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
static struct message *make(const struct hospital *h, const char *infno, const char *fmt, ...)
{
	struct message *m = calloc(1, sizeof(*m));
	char *input = NULL;
	va_list args;

	va_start(args, fmt);
	if (m == NULL || vasprintf(&input, fmt, args) < 0)
		abort();
	va_end(args);
	number(h, m->msgid);
	snprintf(m->infno, sizeof(m->infno), "%s", infno);
	m->hospital = h->name;
	m->body = wrap(h, infno, m->msgid, input);
	free(input);
	m->round = traffic_round;
	pthread_mutex_lock(&said.lock);
	m->next = said.newest;
	said.newest = m;
	HASH_ADD_STR(said.by_msgid, msgid, m);
	said.n_messages++;
	said.n_registers += strcmp(infno, "2201") == 0;
	pthread_mutex_unlock(&said.lock);
	return m;
}

struct message *message_numbered(const char *msgid)
{
	struct message *m;

	pthread_mutex_lock(&said.lock);
	HASH_FIND_STR(said.by_msgid, msgid, m);
	pthread_mutex_unlock(&said.lock);
	return m;
}

char *message_person(struct hospital *h, const char *name)
{
	char msgid[40], *input, *body;

	number(h, msgid);
	if (asprintf(&input,
	            "{\"data\":{\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":\"%s\",\"card_sn\":\"\",\"begntime\":\"\","
	            "\"psn_cert_type\":\"01\",\"certno\":\"%s\",\"psn_name\":\"%s\"}}",
	            h->certno, h->certno, name) < 0)
		abort();
	body = wrap(h, "1101", msgid, input);
	free(input);
	return body;
}

struct message *message_register(const struct hospital *h)
{
	char now[24], own[40];

	time_text(time(NULL), "%Y-%m-%d %H:%M:%S", now, sizeof(now));
	snprintf(own, sizeof(own), "O%02d%012llu", h->number, (unsigned long long)n_numbers);
	return make(h, "2201",
	        "{\"data\":{\"psn_no\":\"%s\",\"insutype\":\"310\",\"begntime\":\"%s\",\"mdtrt_cert_type\":\"02\","
	        "\"mdtrt_cert_no\":\"%s\",\"ipt_otp_no\":\"%s\",\"atddr_no\":\"D330213000001\",\"dr_name\":"
	        "\"示例医师\","
	        "\"dept_code\":\"A03\",\"dept_name\":\"内科\",\"caty\":\"A03\"}}",
	        h->person, now, h->certno, own);
}

struct message *message_describe(struct hospital *h, const char *visit)
{
	char now[24];
	struct message *m;

	time_text(time(NULL), "%Y-%m-%d %H:%M:%S", now, sizeof(now));
	m = make(h, "2203A",
	        "{\"mdtrtinfo\":{\"mdtrt_id\":\"%s\",\"psn_no\":\"%s\",\"med_type\":\"14\",\"begntime\":\"%s\"},"
	        "\"diseinfo\":[{\"diag_type\":\"1\",\"diag_srt_no\":1,\"diag_code\":\"J06.900\",\"diag_name\":"
	        "\"上呼吸道感染\","
	        "\"diag_dept\":\"内科\",\"dise_dor_no\":\"D330213000001\",\"dise_dor_name\":\"示例医师\",\"diag_time\":"
	        "\"%s\","
	        "\"vali_flag\":\"1\"}]}",
	        visit, h->person, now, now);
	snprintf(m->visit, sizeof(m->visit), "%s", visit);
	return m;
}

/* One line of one piece, wholly in scope (its code ends with 1). */
struct message *message_fees(struct hospital *h, const char *visit, int64_t price_fen)
{
	char now[24], batch[40];
	long long yuan = (long long)price_fen / 100, fen = (long long)price_fen % 100;
	struct message *m;

	time_text(time(NULL), "%Y-%m-%d %H:%M:%S", now, sizeof(now));
	snprintf(batch, sizeof(batch), "B%02d%012llu", h->number, (unsigned long long)n_numbers);
	m = make(h, "2204",
	        "{\"feedetail\":[{\"feedetl_sn\":\"F%s\",\"mdtrt_id\":\"%s\",\"psn_no\":\"%s\",\"chrg_bchno\":\"%s\","
	        "\"rx_circ_flag\":\"0\",\"fee_ocur_time\":\"%s\",\"med_list_codg\":\"XA01AA0000000001\","
	        "\"medins_list_codg\":\"Y0001\",\"det_item_fee_sumamt\":%lld.%02lld,\"cnt\":1,\"pric\":%lld.%02lld,"
	        "\"bilg_dept_codg\":\"A03\",\"bilg_dept_name\":\"内科\",\"bilg_dr_codg\":\"D330213000001\","
	        "\"bilg_dr_name\":\"示例医师\",\"hosp_appr_flag\":\"1\"}]}",
	        batch, visit, h->person, batch, now, yuan, fen, yuan, fen);
	snprintf(m->visit, sizeof(m->visit), "%s", visit);
	snprintf(m->batch, sizeof(m->batch), "%s", batch);
	return m;
}

struct message *message_settle(struct hospital *h, const char *visit, const char *batch, int64_t amount_fen)
{
	long long yuan = (long long)amount_fen / 100, fen = (long long)amount_fen % 100;
	struct message *m = make(h, "2207",
	        "{\"data\":{\"psn_no\":\"%s\",\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":\"%s\",\"med_type\":\"14\","
	        "\"medfee_sumamt\":%lld.%02lld,\"psn_setlway\":\"01\",\"mdtrt_id\":\"%s\",\"chrg_bchno\":\"%s\","
	        "\"insutype\":\"310\",\"acct_used_flag\":\"0\",\"invono\":\"\",\"fulamt_ownpay_amt\":0.00,"
	        "\"overlmt_selfpay\":0.00,\"preselfpay_amt\":0.00,\"inscp_scp_amt\":%lld.%02lld}}",
	        h->person, h->certno, yuan, fen, visit, batch, yuan, fen);

	snprintf(m->visit, sizeof(m->visit), "%s", visit);
	snprintf(m->batch, sizeof(m->batch), "%s", batch);
	return m;
}

struct message *message_cancel(struct hospital *h, const struct message *settled)
{
	struct message *m = make(h, "2208", "{\"data\":{\"setl_id\":\"%s\",\"mdtrt_id\":\"%s\",\"psn_no\":\"%s\"}}",
	        settled->settlement, settled->visit, h->person);

	snprintf(m->visit, sizeof(m->visit), "%s", settled->visit);
	snprintf(m->cancels, sizeof(m->cancels), "%s", settled->msgid);
	return m;
}

/* Refusals that keep nothing: the same number may be asked again (core/engine/texts.h 202 to 204). */
static bool says_not_now(const char *text)
{
	return strstr(text, "（Y202") != NULL || strstr(text, "（Y203") != NULL || strstr(text, "（Y204") != NULL;
}

static void copy(char *to, size_t size, json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	if (text != NULL)
		snprintf(to, size, "%s", text);
}

/* With the lock: the settlement is to be cancelled at the platform too. */
static void cancelled(const char *msgid)
{
	struct message *m;

	HASH_FIND_STR(said.by_msgid, msgid, m);
	if (m != NULL) {
		m->is_cancelled = true;
		m->is_judged = false;
	}
}

bool message_answered(struct message *m, const char *text, size_t n)
{
	json_t *root = json_loadb(text, n, 0, NULL), *code = json_object_get(root, "infcode"), *output;
	bool is_answer = json_is_integer(code) || json_is_string(code);
	char *kept = is_answer ? strndup(text, n) : NULL;

	if (kept == NULL || says_not_now(kept)) {
		free(kept);
		json_decref(root);
		return false;
	}
	output = json_object_get(root, "output");
	pthread_mutex_lock(&said.lock);
	m->infcode = json_is_integer(code) ? (int)json_integer_value(code) : atoi(json_string_value(code));
	copy(m->visit, sizeof(m->visit), json_object_get(output, "data"), "mdtrt_id");
	copy(m->settlement, sizeof(m->settlement), json_object_get(output, "setlinfo"), "setl_id");
	m->answer = kept;
	m->state = MESSAGE_ANSWERED;
	m->is_judged = false;
	if (m->cancels[0] != '\0' && m->infcode == 0)
		cancelled(m->cancels);
	pthread_mutex_unlock(&said.lock);
	json_decref(root);
	return true;
}
