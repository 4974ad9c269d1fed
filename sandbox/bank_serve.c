/* sandbox/bank_serve.c - serves the bank: frames, ISO 20022 over HTTPS, the folder of batch files, what it tells
 * unasked.
 *
 *  on_frame, on_iso  the fault that was armed for it, if any -> bank_link_handle(), bank_iso_handle()
 *  on_tick           payouts move on, documents are sent, files are read and answered */
#include "bank_serve.h"
#include "frames.h"
#include "hub.h"
#include "text.h"

#include <curl/curl.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS 20
#define FOLDER_MS 200 /* how often the folder is looked through */
#define SEND_TIMEOUT_MS 10000L
#define PAUSES 6

/* -- faults -- */

/* The text after an opening tag, without its namespace's prefix. */
static void text_after(const char *octets, size_t len, const char *tag, char *out, size_t size)
{
	const char *from = memmem(octets, len, tag, strlen(tag)), *to;

	*out = '\0';
	if (from == NULL)
		return;
	from += strlen(tag);
	to = memchr(from, '<', len - (size_t)(from - octets));
	if (to != NULL)
		text_format(out, size, "%.*s", (int)(to - from < 60 ? to - from : 0), from);
}

void bank_call(const char *octets, size_t len, char op[16], char pay_ref[36])
{
	const char *name = memmem(octets, len, "tech:xsd:", 9);

	text_after(octets, len, "<TxCode>", op, 16);
	text_after(octets, len, "PayRef>", pay_ref, 36); /* of OrgPayRef too */
	if (*op == '\0' && name != NULL && (size_t)(octets + len - name) > 17)
		text_format(op, 16, "%.8s", name + 9);
	if (*pay_ref == '\0')
		text_after(octets, len, "EndToEndId>", pay_ref, 36);
}

static void find_fault(struct bank_server *server, const char *octets, size_t len, struct fault *fault)
{
	char op[16], pay_ref[36];
	json_t *request;

	bank_call(octets, len, op, pay_ref);
	request = must(json_pack("{s:s, s:{s:{s:s}}}", "infno", op, "input", "data", "mdtrt_id", pay_ref));
	json_object_set_new(server->calls, op, json_integer(json_number(server->calls, op, 0) + 1));
	server->n_requests++;
	fault_take(&server->faults, request, clock_wall_ms(), fault);
	json_decref(request);
}

static const char *refusal_of(const struct fault *fault)
{
	if (fault->kind == FAULT_BUSY || fault->kind == FAULT_MAINTENANCE)
		return "E30001";
	return fault->kind != FAULT_REFUSE ? NULL : fault->text[0] == '\0' ? "E20404" : fault->text;
}

static void spoil_signature(struct frames_answer *answer)
{
	char *sign = memmem(answer->octets, answer->len, "<Sign>", 6);

	if (sign != NULL)
		sign[6] = sign[6] == 'A' ? 'B' : 'A';
}

static void play_on_frame(const struct fault *fault, enum bank_act act, struct frames_answer *answer)
{
	if (fault->kind == FAULT_WRONG_SIGNATURE || act == BANK_SIGNS_WRONG)
		spoil_signature(answer);
	if (fault->kind == FAULT_DELAY)
		answer->delay_ms = fault->ms;
	if (fault->kind == FAULT_EFFECT_THEN_CUT)
		answer->cut_at = 0;
	if (fault->kind == FAULT_CUT_BODY || act == BANK_CUTS)
		answer->cut_at = fault->at > 0 ? fault->at : (int64_t)answer->len / 2 + 8;
	answer->is_doubled = fault->kind == FAULT_DUPLICATE_ANSWER;
	answer->is_silent = fault->kind == FAULT_EFFECT_THEN_SILENCE || act == BANK_SILENT;
}

static void on_frame(void *context, const char *octets, size_t len, struct frames_answer *answer)
{
	struct bank_server *server = context;
	struct bank_answer told = { .act = BANK_ANSWERS };
	struct fault fault;

	pthread_mutex_lock(&server->lock);
	find_fault(server, octets, len, &fault);
	if (fault.kind == FAULT_CUT)
		answer->cut_at = 0;
	else
		bank_link_handle(&server->bank, octets, len, refusal_of(&fault), clock_wall_ms(), &told);
	pthread_mutex_unlock(&server->lock);
	answer->octets = told.octets;
	answer->len = told.len;
	if (fault.kind != FAULT_CUT)
		play_on_frame(&fault, told.act, answer);
}

static enum MHD_Result give(struct bank_server *server, struct http_request *request, const struct fault *fault,
        const struct bank_answer *told)
{
	static const char page[] = "<html><head><title>502 Bad Gateway</title></head></html>\n";

	if (fault->kind == FAULT_DELAY)
		http_wait_gone(server->iso, request, fault->ms);
	if (fault->kind == FAULT_EFFECT_THEN_SILENCE || told->act == BANK_SILENT) {
		http_wait_gone(server->iso, request, -1);
		return http_hang_up(request);
	}
	if (fault->kind == FAULT_EFFECT_THEN_CUT)
		return http_hang_up(request);
	if (fault->kind == FAULT_HTTP_502_HTML)
		return http_answer(request, MHD_HTTP_BAD_GATEWAY, "text/html", page, sizeof(page) - 1);
	if ((fault->kind == FAULT_CUT_BODY || told->act == BANK_CUTS) && told->octets != NULL)
		return http_answer_cut(request, "application/xml; charset=utf-8", told->octets, told->len);
	return http_answer(request, told->status, told->status == 200 ? "application/xml; charset=utf-8" : "text/plain",
	        told->octets == NULL ? "" : told->octets, told->len);
}

static enum MHD_Result on_iso(void *context, struct http_request *request)
{
	struct bank_server *server = context;
	struct bank_answer told = { .act = BANK_ANSWERS, .status = 503 };
	enum MHD_Result result;
	struct fault fault;
	char name[128], why[128];

	if (!http_peer_is_known(request, name, why))
		return http_answer(request, MHD_HTTP_FORBIDDEN, "text/plain", why, strlen(why));
	if (strcmp(request->method, "POST") != 0)
		return http_answer(request, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", "POST only\n", 10);
	pthread_mutex_lock(&server->lock);
	find_fault(server, request->body, request->len, &fault);
	if (fault.kind != FAULT_CUT && refusal_of(&fault) == NULL)
		bank_iso_handle(&server->bank, request->body, request->len, clock_wall_ms(), &told);
	pthread_mutex_unlock(&server->lock);
	result = fault.kind == FAULT_CUT ? http_hang_up(request) : give(server, request, &fault, &told);
	free(told.octets);
	return result;
}

/* -- what it tells unasked -- */

static struct bank_document **outbox_end(struct bank_server *server)
{
	struct bank_document **end = &server->outbox;

	while (*end != NULL)
		end = &(*end)->next;
	return end;
}

static void tell(struct bank_server *server, const char *octets, bool is_first)
{
	struct bank_document *d, **at = is_first ? &server->outbox : outbox_end(server);

	json_array_append_new(server->documents, json_string(octets));
	if (json_array_size(server->documents) > BANK_DOCUMENTS)
		json_array_remove(server->documents, 0);
	if (server->bank.options->gateway_url == NULL)
		return;
	d = must(calloc(1, sizeof(*d)));
	d->octets = text_copy(octets);
	d->next = *at;
	*at = d;
	server->n_undelivered++;
}

/* With the lock: events become documents. */
static void write_documents(struct bank_server *server)
{
	int64_t now_ms = clock_wall_ms();
	json_t *event;

	while ((event = bank_event_next(server->bank.book)) != NULL) {
		const char *kind = json_text(event, "kind");
		const struct bank_payout *p = bank_payout_find(server->bank.book, json_text(event, "pay_ref"));
		bool is_report = strcmp(kind, "report") == 0;
		char *text = strcmp(kind, "statement") == 0 ? bank_statement_write(&server->bank, event, now_ms)
		             : is_report                    ? bank_iso_report(&server->bank, p, now_ms)
		                                            : bank_return_write(&server->bank, p, now_ms);

		tell(server, text, is_report && server->reverses_reports);
		if (is_report && server->doubles_reports)
			tell(server, text, false);
		free(text);
		json_decref(event);
	}
}

static size_t ignore(char *octets, size_t size, size_t n, void *user)
{
	return size * n;
}

/* Whether the gateway took it (2xx). */
static bool send_document(const struct bank_server *server, const char *octets)
{
	const struct bank_options *o = server->bank.options;
	struct curl_slist *headers = curl_slist_append(NULL, "content-type: application/xml; charset=utf-8");
	CURL *curl = must(curl_easy_init());
	long status = 0;

	curl_easy_setopt(curl, CURLOPT_URL, o->gateway_url);
	curl_easy_setopt(curl, CURLOPT_CAINFO, o->ca);
	curl_easy_setopt(curl, CURLOPT_SSLCERT, o->client_cert);
	curl_easy_setopt(curl, CURLOPT_SSLKEY, o->client_key);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, octets);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, SEND_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	return status >= 200 && status < 300;
}

static void document_free(struct bank_document *d)
{
	free(d->octets);
	free(d);
}

/* The first document that is due, out of the outbox; NULL: none. */
static struct bank_document *take_due(struct bank_server *server)
{
	for (struct bank_document **at = &server->outbox; *at != NULL; at = &(*at)->next) {
		struct bank_document *d = *at;

		if (d->next_ms > clock_steady_ms())
			continue;
		*at = d->next;
		d->next = NULL;
		return d;
	}
	return NULL;
}

/* Sends what is due, without the lock; what is not taken comes again after 1, 5, 15, 30 and 60 seconds. */
static void send_due(struct bank_server *server)
{
	static const int pauses_ms[PAUSES] = { 1000, 5000, 15000, 30000, 60000, 60000 };
	struct bank_document *d;
	bool is_done;

	pthread_mutex_lock(&server->lock);
	while (!server->is_stopping && (d = take_due(server)) != NULL) {
		pthread_mutex_unlock(&server->lock);
		is_done = send_document(server, d->octets);
		pthread_mutex_lock(&server->lock);
		if (!is_done && d->n_tries < PAUSES) {
			d->next_ms = clock_steady_ms() + pauses_ms[d->n_tries++];
			*outbox_end(server) = d;
			continue;
		}
		server->n_undelivered--;
		server->n_delivered += is_done;
		document_free(d);
	}
	pthread_mutex_unlock(&server->lock);
}

/* -- the folder -- */

static bool is_payment_file(const char *name)
{
	size_t n = strlen(name);

	return n > 8 && n < 60 && strncmp(name, "PAY_", 4) == 0 && strcmp(name + n - 4, ".txt") == 0;
}

/* Takes one file away and in; what cannot be taken away is left for the next look. */
static void take_file(struct bank_server *server, const char *folder, const char *name)
{
	struct bank *bank = &server->bank;
	char path[700];
	const char *code;
	size_t len;
	char *octets;
	const struct bank_batch *b;

	text_format(path, sizeof(path), "%s/%s", folder, name);
	octets = file_read(path, &len);
	if (octets != NULL && unlink(path) == 0) {
		b = bank_batch_take(
		        bank->batches, bank->book, bank->options->corp_no, name, octets, len, clock_wall_ms(), &code);
		if (strcmp(code, "E20409") == 0)
			bank_batch_find(bank->batches, bank->book, b->no, b->date)->is_final = false; /* told again */
	}
	free(octets);
}

static void read_files(struct bank_server *server, const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (is_payment_file(entry->d_name))
			take_file(server, folder, entry->d_name);
	if (dir != NULL)
		closedir(dir);
}

/* Under a name that nobody takes before it is whole. */
static int put_file(const char *folder, const char *name, const char *octets, size_t len)
{
	char path[700], part[700];

	text_format(part, sizeof(part), "%s/.%s.part", folder, name);
	text_format(path, sizeof(path), "%s/%s", folder, name);
	return file_write(part, octets, len) == 0 ? rename(part, path) : -1;
}

/* A result file for each batch that has none, and the last once nothing of it is open. */
static void write_results(struct bank_server *server, const char *folder)
{
	char name[65];
	struct bank_batch *b;
	size_t len;

	for (size_t i = 0; (b = bank_batch_at(server->bank.batches, i)) != NULL; i++) {
		char *octets;

		bank_batch_find(server->bank.batches, server->bank.book, b->no, b->date);
		if (b->is_final || strcmp(b->status, "05") == 0 || (b->n_results > 0 && b->n[2] > 0))
			continue;
		octets = bank_batch_result(
		        server->bank.batches, server->bank.book, b, server->bank.options->corp_no, &len);
		bank_batch_result_name(b, server->bank.options->corp_no, b->n_results + 1, name);
		if (put_file(folder, name, octets, len) == 0) {
			b->n_results++;
			b->is_final = b->n[2] == 0;
		}
		free(octets);
	}
}

static void look_into_folder(struct bank_server *server)
{
	char out[600], in[600];

	if (server->bank.options->folder == NULL)
		return;
	text_format(out, sizeof(out), "%s/out", server->bank.options->folder);
	text_format(in, sizeof(in), "%s/in", server->bank.options->folder);
	read_files(server, out);
	write_results(server, in);
}

/* -- start and end -- */

static void *on_tick(void *context)
{
	struct bank_server *server = context;
	int64_t looked_ms = 0;
	bool goes_on = true;

	while (goes_on) {
		sleep_ms(TICK_MS);
		pthread_mutex_lock(&server->lock);
		bank_book_advance(server->bank.book, clock_wall_ms());
		write_documents(server);
		if (clock_steady_ms() - looked_ms >= FOLDER_MS) {
			look_into_folder(server);
			looked_ms = clock_steady_ms();
		}
		goes_on = !server->is_stopping;
		pthread_mutex_unlock(&server->lock);
		if (goes_on)
			send_due(server);
	}
	return NULL;
}

static void tell_ports(const struct bank_options *o, uint16_t link, uint16_t iso, uint16_t control)
{
	char text[64];

	printf("bank: tls://%s:%u (BDL/1.0), https://%s:%u/iso20022\ncontrol:  http://127.0.0.1:%u/ledger\n",
	        o->address, link, o->address, iso, control);
	text_format(text, sizeof(text), "%u %u %u", link, iso, control);
	control_tell_ports(o->ports_path, text);
}

static void run_until_signal(struct bank_server *server)
{
	pthread_t ticker;

	if (pthread_create(&ticker, NULL, on_tick, server) != 0)
		return;
	control_wait();
	pthread_mutex_lock(&server->lock);
	server->is_stopping = true;
	pthread_mutex_unlock(&server->lock);
	pthread_join(ticker, NULL);
}

static int serve_until_signal(struct bank_server *server)
{
	const struct bank_options *o = server->bank.options;
	struct frames_options link = { .address = o->address,
		.port = o->link_port,
		.cert_path = o->cert,
		.key_path = o->key,
		.client_ca_path = o->ca,
		.frame_max = BANK_FRAME_MAX,
		.slice = (size_t)o->slice,
		.handler = on_frame,
		.context = server };
	struct http_server_options iso = { .address = o->address,
		.port = o->iso_port,
		.cert_path = o->cert,
		.key_path = o->key,
		.client_ca_path = o->ca,
		.handler = on_iso,
		.context = server,
		.body_max = BANK_DOCUMENT_MAX };
	struct frames_server *frames;
	struct http_server *control = NULL;

	control_keep_signals();
	frames = frames_start(&link);
	if (frames != NULL)
		server->iso = http_start(&iso);
	if (server->iso != NULL)
		control = bank_control_start(server, o->control_port);
	if (control != NULL) {
		tell_ports(o, frames_port(frames), http_port(server->iso), http_port(control));
		run_until_signal(server);
	}
	http_stop(control);
	http_stop(server->iso);
	frames_stop(frames);
	return control == NULL ? 1 : 0;
}

int bank_init(struct bank *bank, const struct bank_options *options, int64_t now_ms)
{
	*bank = (struct bank){ .options = options };
	if (bank_keys_read(&bank->keys, options->sm2_key, options->customer_key) != 0)
		return -1;
	bank->book = bank_book_new(options, now_ms);
	bank->batches = bank_batches_new();
	bank->seen = must(json_object());
	bank->messages = must(json_object());
	return 0;
}

void bank_end(struct bank *bank)
{
	bank_keys_free(&bank->keys);
	bank_batches_free(bank->batches);
	bank_book_free(bank->book);
	json_decref(bank->seen);
	json_decref(bank->messages);
}

int bank_main(const struct bank_options *options)
{
	struct bank_server server = { .lock = PTHREAD_MUTEX_INITIALIZER };
	int code;

	signal(SIGPIPE, SIG_IGN);
	if (bank_init(&server.bank, options, clock_wall_ms()) != 0)
		return 1;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	server.calls = must(json_object());
	server.documents = must(json_array());
	code = serve_until_signal(&server);
	if (code == 0 && control_write_ledger(options->ledger_path, bank_whole_ledger(&server)) != 0)
		code = 1;
	while (server.outbox != NULL) {
		struct bank_document *d = server.outbox;

		server.outbox = d->next;
		document_free(d);
	}
	fault_clear(&server.faults);
	json_decref(server.calls);
	json_decref(server.documents);
	bank_end(&server.bank);
	curl_global_cleanup();
	return code;
}
