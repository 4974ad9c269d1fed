/* tests/crash/crash_traffic.c - the hospitals: threads that work through visits and never give up a bill.
 *
 * Each has its own connection.  A message without a whole answer is asked again with the same number and
 * the same bytes, as often as it takes; now and then a hospital walks away instead (MESSAGE_ABANDONED)
 * and crash_check.c asks for it at the end of the round. */
#include "crash_run.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_HOSPITALS 16
#define ASK_MS 60000 /* then the hospital gives up, and the check says so */
#define TRY_MS 12000
#define DOOR "/fsi/api/rsfComIfsService/callService"

volatile bool traffic_pauses = true;
int traffic_round;

static struct hospital hospitals[MAX_HOSPITALS + 2]; /* the last two: the main thread's own */
static pthread_t threads[MAX_HOSPITALS];
static int n_threads;
static volatile bool stops;
static _Atomic int n_busy;
static struct world *world;

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

void sleep_ms(int64_t ms)
{
	usleep((useconds_t)(ms * 1000));
}

struct text {
	char *p;
	size_t n;
};

static size_t on_bytes(char *bytes, size_t size, size_t n, void *arg)
{
	struct text *t = arg;
	char *p = realloc(t->p, t->n + size * n + 1);

	if (p == NULL)
		return 0;
	t->p = p;
	memcpy(t->p + t->n, bytes, size * n);
	t->n += size * n;
	t->p[t->n] = '\0';
	return size * n;
}

static CURL *new_handle(const struct hospital *h)
{
	static struct curl_slist *headers;
	char path[700];
	CURL *curl = curl_easy_init();

	if (headers == NULL)
		headers = curl_slist_append(curl_slist_append(NULL, "Content-Type: application/json"), "Expect:");
	snprintf(path, sizeof(path), "https://127.0.0.1:%s" DOOR, world->gateway_port);
	curl_easy_setopt(curl, CURLOPT_URL, path);
	snprintf(path, sizeof(path), "%s/ca.crt", world->certs);
	curl_easy_setopt(curl, CURLOPT_CAINFO, path);
	snprintf(path, sizeof(path), "%s/%s.crt", world->certs, h->name);
	curl_easy_setopt(curl, CURLOPT_SSLCERT, path);
	snprintf(path, sizeof(path), "%s/%s.key", world->certs, h->name);
	curl_easy_setopt(curl, CURLOPT_SSLKEY, path);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	return curl;
}

long traffic_post(struct hospital *h, const char *body, int64_t timeout_ms, char **answer, size_t *n)
{
	struct text text = { 0 };
	long status = 0;
	CURLcode rv;

	curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, &text);
	rv = curl_easy_perform(h->curl);
	if (rv == CURLE_OK)
		curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	else
		snprintf(h->error, sizeof(h->error), "%s", curl_easy_strerror(rv));
	*answer = text.p;
	*n = text.n;
	return status;
}

long traffic_post_to(struct hospital *h, const char *port, const char *path, const char *body, int64_t timeout_ms,
        char **answer, size_t *n)
{
	char url[700];
	long status;

	snprintf(url, sizeof(url), "https://127.0.0.1:%s%s", port, path);
	curl_easy_setopt(h->curl, CURLOPT_URL, url);
	status = traffic_post(h, body, timeout_ms, answer, n);
	snprintf(url, sizeof(url), "https://127.0.0.1:%s" DOOR, world->gateway_port);
	curl_easy_setopt(h->curl, CURLOPT_URL, url);
	return status;
}

static uint64_t toss(struct hospital *h)
{
	h->random = h->random * 6364136223846793005ull + 1442695040888963407ull;
	return h->random >> 33;
}

/* Until it is answered; true when it took effect. */
static bool ask(struct hospital *h, struct message *m, bool may_abandon)
{
	int64_t end = now_ms() + ASK_MS;

	while (!stops && now_ms() < end) {
		char *answer = NULL;
		size_t n = 0;
		long status = traffic_post(h, m->body, TRY_MS, &answer, &n);
		bool is_done = status == 200 && message_answered(m, answer, n);

		free(answer);
		m->tries++;
		if (is_done)
			return m->infcode == 0;
		if (may_abandon && toss(h) % 6 == 0)
			break;
		sleep_ms(50 + (int64_t)(toss(h) % 200));
	}
	if (now_ms() >= end)
		printf("    late: %s %s of %s has no answer after %d s and %d tries (%s)\n", m->infno, m->msgid,
		        h->name, ASK_MS / 1000, m->tries, h->error);
	m->state = MESSAGE_ABANDONED;
	return false;
}

static void visit(struct hospital *h)
{
	int64_t price_fen = 1000 + (int64_t)(toss(h) % 4000000); /* the larger half is paid by the insurer too */
	struct message *m = message_register(h), *fees;
	char id[40];

	if (!ask(h, m, false) || m->visit[0] == '\0')
		return;
	snprintf(id, sizeof(id), "%s", m->visit);
	if (!ask(h, message_describe(h, id), false))
		return;
	fees = message_fees(h, id, price_fen);
	if (!ask(h, fees, false))
		return;
	for (int attempt = 0; attempt < 3; attempt++) {
		m = message_settle(h, id, fees->batch, price_fen);
		if (ask(h, m, true))
			break;
		if (m->state == MESSAGE_ABANDONED)
			return;
	}
	if (m->infcode == 0 && toss(h) % 5 == 0)
		ask(h, message_cancel(h, m), true);
	if (toss(h) % 3 == 0)
		orders_tell(world, h, toss(h));
}

static void *work(void *arg)
{
	struct hospital *h = arg;

	while (!stops) {
		if (traffic_pauses) {
			sleep_ms(10);
			continue;
		}
		n_busy++;
		if (!traffic_pauses)
			visit(h);
		n_busy--;
	}
	return NULL;
}

/* People with valid check digits, invented; the simulated platform gives each a number. */
static void identity(int i, char out[24])
{
	static const int weights[] = { 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2 };
	int sum = 0;

	snprintf(out, 24, "33021319%02d%02d%02d%03d", 60 + i % 40, 1 + i % 12, 1 + i % 28, i % 1000);
	for (int k = 0; k < 17; k++)
		sum += (out[k] - '0') * weights[k];
	out[17] = "10X98765432"[sum % 11];
	out[18] = '\0';
}

/* Another person: a platform that is asked for one person's visits of a day must not find thousands. */
static void take_person(struct hospital *h, int i)
{
	char body[300], name[40];
	json_t *answer;
	const char *psn_no;

	identity(i, h->certno);
	snprintf(name, sizeof(name), "示例%d", i);
	snprintf(body, sizeof(body),
	        "[{\"certno\":\"%s\",\"name\":\"%s\",\"insutype\":\"310\",\"balance_fen\":0,\"insuplc_admdvs\":\"%s\"}]",
	        h->certno, name, h->insuplc);
	answer = world_control("POST", "/persons", body);
	psn_no = json_string_value(json_object_get(json_object_get(answer, "psn_no"), h->certno));
	if (psn_no == NULL) {
		fprintf(stderr, "crash: the platform took no person\n");
		exit(2);
	}
	snprintf(h->person, sizeof(h->person), "%s", psn_no);
	json_decref(answer);
	if (!claims_person(world, h, name))
		exit(2);
}

static void init_hospital(struct hospital *h, int i, const char *name)
{
	static const char *const areas[] = { "330213", "330203", "330205", "330213" };

	h->number = i;
	h->name = name;
	h->institution = strcmp(name, "hospital-one") == 0 ? "H33021399901" : "H33021399902";
	h->insuplc = areas[i % 4];
	h->random = (uint64_t)i * 7919 + 17;
	h->curl = new_handle(h);
	take_person(h, i);
}

void traffic_open(struct world *w)
{
	world = w;
	init_hospital(&hospitals[MAX_HOSPITALS], 90, "hospital-one");
	init_hospital(&hospitals[MAX_HOSPITALS + 1], 91, "hospital-two");
}

struct hospital *traffic_asker(const char *name)
{
	return &hospitals[strcmp(name, "hospital-one") == 0 ? MAX_HOSPITALS : MAX_HOSPITALS + 1];
}

void traffic_start(struct world *w, int n_hospitals)
{
	n_threads = n_hospitals;
	for (int i = 0; i < n_hospitals; i++) {
		init_hospital(&hospitals[i], i, i % 2 == 0 ? "hospital-one" : "hospital-two");
		pthread_create(&threads[i], NULL, work, &hospitals[i]);
	}
}

void traffic_go(void)
{
	static int turn;

	turn++;
	for (int i = 0; i < n_threads && n_busy == 0; i++) /* else somebody is in the middle of a visit */
		take_person(&hospitals[i], turn * 100 + i);
	take_person(&hospitals[MAX_HOSPITALS], turn * 100 + 90);
	take_person(&hospitals[MAX_HOSPITALS + 1], turn * 100 + 91);
	traffic_pauses = false;
}

bool traffic_pause(int64_t limit_ms)
{
	int64_t end = now_ms() + limit_ms;

	traffic_pauses = true;
	while (n_busy > 0 && now_ms() < end)
		sleep_ms(5);
	return n_busy == 0;
}

void traffic_stop(void)
{
	traffic_pauses = stops = true;
	for (int i = 0; i < n_threads; i++)
		pthread_join(threads[i], NULL);
}

/* --- many legs at once --------------------------------------------------------------------- */

static struct burst {
	CURLM *multi;
	int n, running;
	struct message **messages;
	CURL **handles;
	struct text *texts;
} burst;

void traffic_burst(int n, int64_t ms)
{
	int64_t end = now_ms() + ms;

	burst = (struct burst){ .multi = curl_multi_init(),
		.n = n,
		.messages = calloc((size_t)n, sizeof(void *)),
		.handles = calloc((size_t)n, sizeof(void *)),
		.texts = calloc((size_t)n, sizeof(struct text)) };
	for (int i = 0; i < n; i++) {
		/* Of several people: who asks what became of one of them is told of all visits of that person. */
		const struct hospital *h = &hospitals[i % n_threads];

		burst.messages[i] = message_register(h);
		burst.handles[i] = new_handle(h);
		curl_easy_setopt(burst.handles[i], CURLOPT_POSTFIELDS, burst.messages[i]->body);
		curl_easy_setopt(burst.handles[i], CURLOPT_WRITEDATA, &burst.texts[i]);
		curl_easy_setopt(burst.handles[i], CURLOPT_TIMEOUT_MS, 30000L);
		curl_multi_add_handle(burst.multi, burst.handles[i]);
	}
	while (now_ms() < end) {
		curl_multi_perform(burst.multi, &burst.running);
		curl_multi_poll(burst.multi, NULL, 0, 20, NULL);
	}
}

void traffic_burst_end(void)
{
	if (burst.multi == NULL)
		return;
	for (burst.running = 1; burst.running > 0;) {
		curl_multi_perform(burst.multi, &burst.running);
		curl_multi_poll(burst.multi, NULL, 0, 20, NULL);
	}
	for (int i = 0; i < burst.n; i++) {
		long status = 0;

		curl_easy_getinfo(burst.handles[i], CURLINFO_RESPONSE_CODE, &status);
		if (status != 200 || !message_answered(burst.messages[i], burst.texts[i].p, burst.texts[i].n))
			burst.messages[i]->state = MESSAGE_ABANDONED;
		curl_multi_remove_handle(burst.multi, burst.handles[i]);
		curl_easy_cleanup(burst.handles[i]);
		free(burst.texts[i].p);
	}
	curl_multi_cleanup(burst.multi);
	free(burst.messages);
	free(burst.handles);
	free(burst.texts);
	burst = (struct burst){ 0 };
}
