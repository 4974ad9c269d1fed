/* sandbox/platform.c - one request on the platform, from its certificate to its answer (platform.h).
 *
 *  on_platform_request   certificate, path, signature, JSON           -> refused unheard, or
 *  play                  the fault that was armed for it, if any      -> before, instead of or after
 *  take_effect           transactions.c under the lock                -> the answer's tree
 *  answer                the tree as octets, spoilt as the fault says -> out */
#include "platform.h"
#include "signature.h"
#include "text.h"

#include <errno.h>
#include <iconv.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_TYPE "application/json;charset=UTF-8"

int64_t platform_now_ms(const struct platform *platform)
{
	return clock_wall_ms() + platform->clock_offset_ms;
}

/* Who sends it. */

/* NULL, or the refusal in the words of nhsa.md 5.7. */
static const char *signature_check(struct platform *platform, const struct http_request *request)
{
	static const char *const names[] = { "paasid", "timestamp", "nonce", "signature" };
	const char *values[4], *token;
	char header[32];
	long long apart_s;

	for (size_t i = 0; i < 4; i++) {
		text_format(header, sizeof(header), "x-tif-%s", names[i]);
		values[i] = http_header(request, header);
		if (*values[i] == '\0') {
			text_format(header, sizeof(header), "x-rio-%s", names[i]);
			values[i] = http_header(request, header);
		}
		if (*values[i] == '\0')
			return "认证参数不完整";
	}
	token = json_text(platform->tokens, values[0]);
	if (*token == '\0' || !signature_is_right(values[1], token, values[2], values[3]))
		return "签名错误";
	apart_s = strtoll(values[1], NULL, 10) - platform_now_ms(platform) / 1000;
	return apart_s > PLATFORM_WINDOW_S || apart_s < -PLATFORM_WINDOW_S ? "时间戳超出范围" : NULL;
}

/* The gateway before a real platform answers in its own form, without infcode. */
static enum MHD_Result refuse_unheard(
        struct platform *platform, struct http_request *request, unsigned status, const char *text)
{
	char body[512];

	pthread_mutex_lock(&platform->lock);
	platform->n_refused_unheard++;
	pthread_mutex_unlock(&platform->lock);
	text_format(body, sizeof(body), "{\"code\":%u,\"message\":\"%s\"}", status, text);
	return http_answer(request, status, JSON_TYPE, body, strlen(body));
}

/* What it does. */

static json_t *take_effect(struct platform *platform, const json_t *root, const struct fault *fault)
{
	struct transaction_context context = { .book = platform->book, .region = platform->options->region };
	struct book_options *options = book_options(platform->book);
	bool no_dedup;
	json_t *answer;

	pthread_mutex_lock(&platform->lock);
	no_dedup = options->no_dedup;
	options->no_dedup = no_dedup || fault->no_dedup;
	/* What was held had a valid sign_no when it came. */
	context.sign_check = fault->kind == FAULT_HELD ? SIGN_OFF : platform->sign_check;
	context.now_ms = platform_now_ms(platform);
	answer = transaction_run(&context, root);
	options->no_dedup = no_dedup;
	pthread_mutex_unlock(&platform->lock);
	return answer;
}

static json_t *refuse(struct platform *platform, const json_t *root, const struct fault *fault)
{
	struct transaction_context context = { .book = platform->book, .region = platform->options->region };
	const char *text = fault->text[0] != '\0' ? fault->text : "参保状态异常，不能享受待遇";
	json_t *answer;

	pthread_mutex_lock(&platform->lock);
	context.now_ms = platform_now_ms(platform);
	if (fault->kind == FAULT_SIGN_EXPIRED) {
		text = "签到编号无效或已过期";
		book_sign_drop(platform->book, json_text(root, "fixmedins_code"), json_text(root, "sign_no"));
	}
	answer = transaction_refusal(&context, text);
	pthread_mutex_unlock(&platform->lock);
	return answer;
}

/* How the answer is spoilt. */

static void add_strangers(json_t *node)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_array(node)) {
		json_array_foreach(node, i, value) add_strangers(value);
	} else if (json_is_object(node)) {
		json_object_foreach(node, key, value) add_strangers(value);
		json_object_set_new(node, "local_ext_flag", json_string("Z9"));
		json_object_set_new(node, "local_ext_list", json_pack("[{s:s, s:n}]", "name", "地方扩展", "value"));
	}
}

static void spoil_tree(json_t *answer, enum fault_kind kind)
{
	json_t *output = json_object_get(answer, "output");
	json_t *info = json_object_get(output, "setlinfo"), *part = json_object_get(info, "psn_part_amt");
	json_t *fund = json_array_get(json_object_get(output, "setldetail"), 0);

	if (kind == FAULT_INFCODE_STRING) {
		char code[16];

		text_format(code, sizeof(code), "%" JSON_INTEGER_FORMAT,
		        json_integer_value(json_object_get(answer, "infcode")));
		json_object_set_new(answer, "infcode", json_string(code));
	} else if (kind == FAULT_OUTPUT_NULL) {
		json_object_set_new(answer, "output", json_null());
	} else if (kind == FAULT_EXTRA_MEMBERS) {
		add_strangers(answer);
	} else if (kind == FAULT_UNKNOWN_FUND && fund != NULL) {
		json_object_set_new(fund, "fund_pay_type", json_string("888801"));
		json_object_set_new(fund, "fund_pay_type_name", json_string("地方未知基金"));
	} else if (kind == FAULT_SUMS_BREAK_R2 && part != NULL) {
		int64_t fen = 0;

		fen_parse(strrchr(json_string_value(part), '~') + 1, &fen); /* the marked text of json_fen */
		json_object_set_new(info, "psn_part_amt", json_fen(fen + 1));
	}
}

static char *to_gbk(const char *text, size_t *len)
{
	size_t left = strlen(text), room = left + 1;
	char *out = must(malloc(room)), *to = out, *from = (char *)(uintptr_t)text;
	iconv_t convert = iconv_open("GBK", "UTF-8");

	if (convert != (iconv_t)-1) {
		iconv(convert, &from, &left, &to, &room);
		iconv_close(convert);
	}
	*len = (size_t)(to - out);
	return out;
}

static enum MHD_Result answer_in_gbk(struct http_request *request, const char *text)
{
	size_t len;
	char *octets = to_gbk(text, &len);
	enum MHD_Result result = http_answer(request, MHD_HTTP_OK, "application/json;charset=GBK", octets, len);

	free(octets);
	return result;
}

static enum MHD_Result answer_twice(struct http_request *request, const char *text)
{
	size_t len = strlen(text), room = 2 * (len + 256);
	char *octets = must(malloc(room));

	octets[0] = '\0';
	for (int i = 0; i < 2; i++)
		text_format(octets + strlen(octets), room - strlen(octets),
		        "HTTP/1.1 200 OK\r\nContent-Type: " JSON_TYPE "\r\nContent-Length: %zu\r\n\r\n%s", len, text);
	http_send_raw(request, octets, strlen(octets));
	free(octets);
	return http_hang_up(request);
}

static enum MHD_Result answer(struct http_request *request, json_t *tree, enum fault_kind kind)
{
	static const char bad_gateway[] = "<html><head><title>502 Bad Gateway</title></head>"
	                                  "<body><center><h1>502 Bad Gateway</h1></center></body></html>\r\n";
	enum MHD_Result result;
	char *text;

	spoil_tree(tree, kind);
	text = must(json_render(tree, kind == FAULT_AMOUNTS_AS_STRINGS));
	if (kind == FAULT_HTTP_502_HTML) {
		result = http_answer(request, MHD_HTTP_BAD_GATEWAY, "text/html", bad_gateway, strlen(bad_gateway));
	} else if (kind == FAULT_CUT_JSON) {
		result = http_answer(request, MHD_HTTP_OK, JSON_TYPE, text, strlen(text) / 2);
	} else if (kind == FAULT_CUT_BODY) {
		result = http_answer_cut(request, JSON_TYPE, text, strlen(text));
	} else if (kind == FAULT_GBK_BODY) {
		result = answer_in_gbk(request, text);
	} else if (kind == FAULT_DUPLICATE_ANSWER) {
		result = answer_twice(request, text);
	} else if (kind == FAULT_GARBAGE) {
		http_send_raw(request, "\x16\x03\x01 not HTTP at all \0\xff\xfe\r\n\r\n", 27);
		result = http_hang_up(request);
	} else {
		result = http_answer(request, MHD_HTTP_OK, kind == FAULT_WRONG_CONTENT_TYPE ? "text/html" : JSON_TYPE,
		        text, strlen(text));
	}
	free(text);
	json_decref(tree);
	return result;
}

/* The order in which a fault and the effect happen. */

static enum MHD_Result play_held(
        struct platform *platform, struct http_request *request, const json_t *root, const struct fault *fault)
{
	int64_t arrival_ms = clock_steady_ms();

	http_wait_gone(platform->server, request, fault->from_arrival ? fault->ms : -1);
	if (!fault->from_arrival)
		sleep_ms(fault->ms);
	else
		sleep_ms(arrival_ms + fault->ms - clock_steady_ms());
	json_decref(take_effect(platform, root, fault));
	return http_hang_up(request);
}

static enum MHD_Result play(
        struct platform *platform, struct http_request *request, const json_t *root, const struct fault *fault)
{
	static const char closed[] = "<html><body>系统维护中</body></html>";

	switch (fault->kind) {
	case FAULT_MAINTENANCE:
		return http_answer(
		        request, MHD_HTTP_SERVICE_UNAVAILABLE, "text/html;charset=UTF-8", closed, strlen(closed));
	case FAULT_CUT:
		return http_hang_up(request);
	case FAULT_HELD:
		return play_held(platform, request, root, fault);
	case FAULT_REFUSE:
	case FAULT_SIGN_EXPIRED:
		return answer(request, refuse(platform, root, fault), fault->kind);
	case FAULT_EFFECT_THEN_CUT:
		json_decref(take_effect(platform, root, fault));
		return http_hang_up(request);
	default:
		return answer(request, take_effect(platform, root, fault), fault->kind);
	}
}

static void pending_ends(struct platform *platform)
{
	pthread_mutex_lock(&platform->lock);
	platform->n_pending--;
	pthread_mutex_unlock(&platform->lock);
}

/* The effect is at once, the answer late or never: what follows changes nothing any more. */
static enum MHD_Result play_late(
        struct platform *platform, struct http_request *request, const json_t *root, const struct fault *fault)
{
	json_t *tree = take_effect(platform, root, fault);

	pending_ends(platform);
	http_wait_gone(platform->server, request, fault->kind == FAULT_DELAY ? fault->ms : -1);
	if (fault->kind == FAULT_DELAY)
		return answer(request, tree, fault->kind);
	json_decref(tree);
	return http_hang_up(request);
}

static enum MHD_Result serve(struct platform *platform, struct http_request *request, const json_t *root)
{
	const char *infno = json_text(root, "infno");
	enum MHD_Result result;
	struct fault fault;

	pthread_mutex_lock(&platform->lock);
	platform->n_requests++;
	platform->n_pending++;
	json_object_set_new(platform->requests, infno, json_integer(json_number(platform->requests, infno, 0) + 1));
	fault_take(&platform->faults, root, platform_now_ms(platform), &fault);
	pthread_mutex_unlock(&platform->lock);
	if (fault.kind == FAULT_EFFECT_THEN_SILENCE || fault.kind == FAULT_DELAY)
		return play_late(platform, request, root, &fault);
	result = play(platform, request, root, &fault);
	pending_ends(platform);
	return result;
}

static enum MHD_Result on_platform_request(void *context, struct http_request *request)
{
	struct platform *platform = context;
	char name[128], why[128];
	const char *refusal;
	enum MHD_Result result;
	json_error_t error;
	json_t *root;

	if (platform->options->client_ca != NULL && !http_peer_is_known(request, name, why))
		return refuse_unheard(platform, request, MHD_HTTP_FORBIDDEN, why);
	if (strcmp(request->path, platform->options->path) != 0)
		return refuse_unheard(platform, request, MHD_HTTP_NOT_FOUND, "no such path");
	if (strcmp(request->method, "POST") != 0)
		return refuse_unheard(platform, request, MHD_HTTP_METHOD_NOT_ALLOWED, "POST only");
	refusal = signature_check(platform, request);
	if (refusal != NULL)
		return refuse_unheard(platform, request, MHD_HTTP_UNAUTHORIZED, refusal);
	root = json_loadb(request->body, request->len, JSON_REJECT_DUPLICATES, &error);
	if (root == NULL || !json_is_object(root)) {
		json_decref(root);
		return refuse_unheard(platform, request, MHD_HTTP_BAD_REQUEST, "报文不是JSON对象");
	}
	result = serve(platform, request, root);
	json_decref(root);
	return result;
}

/* Start and end. */

static int tokens_read(struct platform *platform)
{
	const struct platform_options *options = platform->options;

	platform->tokens = must(json_object());
	for (size_t i = 0; i < options->n_callers; i++) {
		const char *colon = strchr(options->callers[i], ':');
		char paasid[64];
		char *token;

		if (colon == NULL || colon - options->callers[i] >= (ptrdiff_t)sizeof(paasid)) {
			fprintf(stderr, "yitong-sandbox: --caller %s: wanted ID:FILE, the ID at most 63 characters\n",
			        options->callers[i]);
			return -1;
		}
		text_format(paasid, sizeof(paasid), "%.*s", (int)(colon - options->callers[i]), options->callers[i]);
		token = secret_read(colon + 1);
		if (token == NULL)
			return -1;
		json_object_set_new(platform->tokens, paasid, json_string(token));
		free(token);
	}
	return 0;
}

/* The two people of the published examples, so that the first call by hand finds somebody. */
static void add_examples(struct book *book)
{
	const struct person employee = { .certno = "330213197906152731",
		.name = "示例甲",
		.gend = "1",
		.brdy = "1979-06-15",
		.insutype = "310",
		.psn_type = "1101",
		.insuplc = "330213",
		.emp_name = "示例机械有限公司",
		.balance_fen = 186042 };
	const struct person resident = { .certno = "621002198309074020",
		.name = "示例乙",
		.gend = "2",
		.brdy = "1983-09-07",
		.insutype = "390",
		.psn_type = "1501",
		.insuplc = "621002" };

	book_person_add(book, &employee);
	book_person_add(book, &resident);
}

static void tell_ports(const struct platform_options *options, uint16_t port, uint16_t control_port)
{
	char text[64];

	printf("platform: https://%s:%u%s\n", options->address, port, options->path);
	printf("control:  http://127.0.0.1:%u/ledger\n", control_port);
	text_format(text, sizeof(text), "%u %u", port, control_port);
	control_tell_ports(options->ports_path, text);
}

static int serve_until_signal(struct platform *platform)
{
	const struct platform_options *options = platform->options;
	struct http_server_options server = { .address = options->address,
		.port = options->port,
		.cert_path = options->cert,
		.key_path = options->key,
		.client_ca_path = options->client_ca,
		.handler = on_platform_request,
		.context = platform };
	struct http_server *control;

	control_keep_signals();
	platform->server = http_start(&server);
	if (platform->server == NULL)
		return 1;
	control = control_start(platform, options->control_port);
	if (control != NULL) {
		tell_ports(options, http_port(platform->server), http_port(control));
		control_wait();
	}
	http_stop(control);
	http_stop(platform->server);
	return control == NULL ? 1 : 0;
}

int platform_main(const struct platform_options *options)
{
	struct platform platform = {
		.options = options, .lock = PTHREAD_MUTEX_INITIALIZER, .sign_check = options->sign_check
	};
	int code = 1;

	signal(SIGPIPE, SIG_IGN);
	platform.book = book_new(options->region);
	platform.requests = must(json_object());
	book_options(platform.book)->tombstone = options->tombstone;
	add_examples(platform.book);
	if (tokens_read(&platform) == 0)
		code = serve_until_signal(&platform);
	if (code == 0 && control_write_ledger(options->ledger_path, book_ledger(platform.book)) != 0)
		code = 1;
	fault_clear(&platform.faults);
	book_free(platform.book);
	json_decref(platform.tokens);
	json_decref(platform.requests);
	return code;
}
