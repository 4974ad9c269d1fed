/* tests/crash/crash_orders.c - payouts that agencies order (pay.order, format intake), by all three ways to the bank.
 *
 * The payee's bank chooses the way (conf/province.yaml): the direct link, ISO 20022, files.  What becomes of one is
 * chosen by its amount's last two digits (yitong-sandbox bank --help): refused, paid later, come back, unknown at
 * first, no answer.  An order without an answer is told again in the same words.  orders_open() hands all that are not
 * known to be over to the check of the bank's book; order_wrong() says what must be true there. */
#include "crash_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TELL_MS 60000

static struct order *orders;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const struct {
	const char *face, *bank_no, *bank_name;
} ways[] = {
	{ "link", "105332099046", "示例建设银行宁波分行" },
	{ "iso20022", "102332099026", "示例工商银行宁波分行" },
	{ "file", "103332099016", "示例农业银行宁波分行" },
};

static struct order *order_new(struct hospital *h, uint64_t random)
{
	static int serial;
	struct order *o = calloc(1, sizeof(*o));
	size_t way = random % 3;
	char account[20];

	if (o == NULL)
		abort();
	o->fen = 100 + (long long)(random / 3 % 10000); /* little: payer and bank have limits of a day */
	o->face = ways[way].face;
	o->asker = h->name;
	pthread_mutex_lock(&lock);
	snprintf(o->number, sizeof(o->number), "MA20261122%012d", ++serial);
	card_number((uint64_t)serial + 50000000, account);
	if (asprintf(&o->body,
	            "{\"operation\":\"pay.order\",\"number\":\"%s\",\"institution\":\"%s\",\"data\":{\"pay_no\":\"%s\",\"pay_amt\":\"%lld."
	            "%02lld\",\"payee_acct\":\"%s\",\"payee_name\":\"示例%d\",\"payee_bank_no\":\"%s\",\"payee_bank_name\":\"%s\","
	            "\"psn_name\":\"示例%d\",\"purpose\":\"生育津贴\"}}",
	            o->number, h->institution, o->number, o->fen / 100, o->fen % 100, account, serial,
	            ways[way].bank_no, ways[way].bank_name, serial) < 0)
		abort();
	HASH_ADD_STR(orders, number, o);
	pthread_mutex_unlock(&lock);
	return o;
}

/* Told until it is taken, or refused for good: a refusal that is kept comes back octet by octet, its trace too.  (The
 * gateway was killed between writing it down and answering, and may not take it on itself.) */
static bool tell(const struct world *w, struct hospital *h, struct order *o, int64_t limit_ms)
{
	int64_t end = now_ms() + limit_ms;
	char *before = NULL;

	do {
		char *answer = NULL;
		size_t n = 0;
		long status = traffic_post_to(h, w->intake_port, "/intake", o->body, 5000, &answer, &n);
		bool is_whole = status == 200 && answer != NULL;

		o->is_told = is_whole && strstr(answer, "\"code\":\"0\"") != NULL;
		o->is_refused = is_whole && !o->is_told && before != NULL && strcmp(before, answer) == 0;
		free(before);
		before = answer;
		if (!o->is_told && !o->is_refused)
			sleep_ms(100);
	} while (!o->is_told && !o->is_refused && now_ms() < end);
	free(before);
	return o->is_told || o->is_refused;
}

void orders_tell(const struct world *w, struct hospital *h, uint64_t random)
{
	tell(w, h, order_new(h, random), TELL_MS);
}

struct order *order_numbered(const char *number)
{
	struct order *o;

	pthread_mutex_lock(&lock);
	HASH_FIND_STR(orders, number, o);
	pthread_mutex_unlock(&lock);
	return o;
}

size_t orders_open(const struct world *w, bool everything)
{
	struct order *o, *next;

	HASH_ITER(hh, orders, o, next)
	{
		if (o->is_judged && !everything)
			continue;
		if (!o->is_told && !o->is_refused && !tell(w, traffic_asker(o->asker), o, TELL_MS))
			printf("    WRONG order %s is not taken\n", o->number);
		json_object_set_new(books.open_payouts, o->number, json_true());
	}
	return HASH_COUNT(orders);
}

const char *order_wrong(struct order *o, const json_t *row)
{
	const char *state = book_text(row, "state");
	bool was_paid = strcmp(state, "04") == 0 || strcmp(state, "06") == 0, has_failed = strcmp(state, "05") == 0;

	o->is_judged = o->is_refused && row == NULL;
	if (o->is_refused)
		return row == NULL ? NULL : "ONE-SIDED: refused, and the bank has it";
	if (row == NULL)
		return "ONE-SIDED: ordered, and the bank has nothing";
	if (strcmp(book_text(row, "face"), o->face) != 0)
		return "it came another way than it was to go";
	if (book_number(row, "amount_fen") != o->fen)
		return "ONE-SIDED: another amount than was ordered";
	if (!was_paid && !has_failed)
		return "it is not over at the bank";
	if (book_number(row, "booked") != was_paid)
		return was_paid ? "DOUBLED: not booked once" : "ONE-SIDED: failed, and booked";
	o->is_judged = true;
	return NULL;
}
