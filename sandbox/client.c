/* sandbox/client.c - one exchange as a hospital sees it (client.h). */
#include "client.h"
#include "signature.h"
#include "text.h"

#include <curl/curl.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX (8u << 20)

struct client {
	struct {
		const struct origin *origin;
		CURL *curl;
	} lines[ORIGINS_MAX + 4];
	CURL *control;
};

struct received {
	char *text;
	size_t len;
};

static size_t on_data(char *data, size_t size, size_t n, void *context)
{
	struct received *received = context;
	size_t len = size * n;

	if (received->len + len > ANSWER_MAX)
		return 0;
	received->text = must(realloc(received->text, received->len + len + 1));
	memcpy(received->text + received->len, data, len);
	received->len += len;
	received->text[received->len] = '\0';
	return len;
}

struct client *client_new(void)
{
	return must(calloc(1, sizeof(struct client)));
}

void client_free(struct client *client)
{
	for (size_t i = 0; i < sizeof(client->lines) / sizeof(*client->lines); i++)
		if (client->lines[i].curl != NULL)
			curl_easy_cleanup(client->lines[i].curl);
	if (client->control != NULL)
		curl_easy_cleanup(client->control);
	free(client);
}

static CURL *line_new(const struct origin *origin)
{
	CURL *curl = must(curl_easy_init());

	curl_easy_setopt(curl, CURLOPT_URL, origin->url);
	curl_easy_setopt(curl, CURLOPT_CAINFO, origin->ca);
	if (origin->cert != NULL) {
		curl_easy_setopt(curl, CURLOPT_SSLCERT, origin->cert);
		curl_easy_setopt(curl, CURLOPT_SSLKEY, origin->key);
	}
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	return curl;
}

static CURL *line_of(struct client *client, const struct origin *origin)
{
	size_t i;

	for (i = 0; client->lines[i].curl != NULL; i++)
		if (client->lines[i].origin == origin)
			return client->lines[i].curl;
	if (i + 1 == sizeof(client->lines) / sizeof(*client->lines)) {
		curl_easy_cleanup(client->lines[--i].curl); /* the last place is for the odd ones */
	}
	client->lines[i].origin = origin;
	return client->lines[i].curl = line_new(origin);
}

void origin_msgid(struct origin *origin, char out[31])
{
	char digits[18];

	pthread_mutex_lock(&origin->lock);
	time_digits(clock_wall_ms(), digits);
	digits[14] = '\0';
	if (++origin->serial > 8999) {
		origin->serial = 1;
		while (strcmp(digits, origin->serial_second) <= 0) { /* all 8999 of this second are used */
			sleep_ms(10);
			time_digits(clock_wall_ms(), digits);
			digits[14] = '\0';
		}
	}
	if (origin->serial == 1)
		text_format(origin->serial_second, sizeof(origin->serial_second), "%s", digits);
	text_format(out, 31, "%.12s%s%04u", origin->institution, digits, origin->serial);
	pthread_mutex_unlock(&origin->lock);
}

static char *envelope_text(const struct call *call, char sign_no[31])
{
	struct origin *origin = call->origin;
	char now[20];
	json_t *root;
	char *text;

	time_text(clock_wall_ms(), now);
	pthread_mutex_lock(&origin->lock);
	text_format(sign_no, 31, "%s", origin->sign_no);
	pthread_mutex_unlock(&origin->lock);
	root = must(json_pack(
	        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:O}", "infno",
	        call->infno, "msgid", call->msgid, "mdtrtarea_admvs", origin->area, "insuplc_admdvs", call->insuplc,
	        "recer_sys_code", "YBXT", "dev_no", "", "dev_safe_info", "", "cainfo", "", "signtype", "", "infver",
	        "V1.0", "opter_type", "1", "opter", origin->opter, "opter_name", "收费员", "inf_time", now,
	        "fixmedins_code", call->institution == NULL ? origin->institution : call->institution, "fixmedins_name",
	        origin->institution_name, "sign_no", sign_no, "input", call->input));
	text = must(json_render(root, false));
	json_decref(root);
	return text;
}

static char *in_gbk(char *text, size_t *len)
{
	size_t left = *len, room = left + 1;
	char *out = must(malloc(room)), *from = text, *to = out;
	iconv_t convert = iconv_open("GBK", "UTF-8");

	if (convert != (iconv_t)-1) {
		iconv(convert, &from, &left, &to, &room);
		iconv_close(convert);
	}
	*len = (size_t)(to - out);
	free(text);
	return out;
}

static struct curl_slist *headers_of(const struct call *call)
{
	struct curl_slist *headers = curl_slist_append(
	        NULL, call->in_gbk ? "Content-Type: application/json;charset=GBK" : "Content-Type: application/json");
	char timestamp[24], nonce[33], signature[65], header[160];

	headers = curl_slist_append(headers, "Expect:");
	if (call->origin->sign_id == NULL)
		return headers;
	text_format(timestamp, sizeof(timestamp), "%lld", (long long)(clock_wall_ms() / 1000));
	signature_nonce(nonce);
	signature_make(timestamp, call->bad_signature ? "not the token" : call->origin->sign_token, nonce, signature);
	text_format(header, sizeof(header), "x-tif-paasid: %s", call->origin->sign_id);
	headers = curl_slist_append(headers, header);
	text_format(header, sizeof(header), "x-tif-timestamp: %s", timestamp);
	headers = curl_slist_append(headers, header);
	text_format(header, sizeof(header), "x-tif-nonce: %s", nonce);
	headers = curl_slist_append(headers, header);
	text_format(header, sizeof(header), "x-tif-signature: %s", signature);
	return must(curl_slist_append(headers, header));
}

/* curl sends a request again by itself when a kept connection turns out dead.  For what changes state
 * the hospital must know how often it asked, so that goes over a new connection. */
static bool needs_fresh_connection(const char *infno)
{
	return infno[0] == '2' && strcmp(infno, "2206") != 0 && strcmp(infno, "2303") != 0;
}

static void answer_read(struct answer *out, CURLcode code)
{
	const json_t *infcode;
	json_error_t error;
	bool is_zero;

	out->kind = code == CURLE_COULDNT_CONNECT ? ANSWER_NOT_SENT : ANSWER_UNKNOWN;
	if (code != CURLE_OK) {
		text_format(out->why, sizeof(out->why), "%s", curl_easy_strerror(code));
		return;
	}
	out->root = json_loadb(out->text, out->len, 0, &error);
	out->output = json_object_get(out->root, "output");
	infcode = json_object_get(out->root, "infcode");
	if (infcode == NULL) {
		out->kind = out->status >= 400 && out->status < 500 ? ANSWER_REFUSED : ANSWER_UNKNOWN;
		text_format(out->why, sizeof(out->why), "HTTP %ld %.200s", out->status, out->text);
		return;
	}
	is_zero = json_is_string(infcode) ? strcmp(json_string_value(infcode), "0") == 0
	                                  : json_is_integer(infcode) && json_integer_value(infcode) == 0;
	out->kind = is_zero ? ANSWER_DONE : ANSWER_REFUSED;
	text_format(out->why, sizeof(out->why), "%s", json_text(out->root, "err_msg"));
}

void client_call(struct client *client, const struct call *call, struct answer *out)
{
	CURL *curl = line_of(client, call->origin);
	struct received received = { .text = text_copy("") };
	struct curl_slist *headers = headers_of(call);
	int64_t start_ms = clock_steady_ms();
	CURLcode code;
	size_t len;
	char *body;

	memset(out, 0, sizeof(*out));
	body = envelope_text(call, out->sign_no);
	len = strlen(body);
	if (call->in_gbk)
		body = in_gbk(body, &len);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &received);
	curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, needs_fresh_connection(call->infno) ? 1L : 0L);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out->status);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
	out->text = received.text;
	out->len = received.len;
	out->ms = clock_steady_ms() - start_ms;
	answer_read(out, code);
	curl_slist_free_all(headers);
	free(body);
}

void answer_clear(struct answer *answer)
{
	json_decref(answer->root);
	free(answer->text);
	memset(answer, 0, sizeof(*answer));
}

json_t *client_control(struct client *client, const char *base_url, const char *path, const json_t *body)
{
	struct received received = { .text = text_copy("") };
	char *text = body == NULL ? NULL : must(json_dumps(body, JSON_COMPACT));
	char url[512];
	json_t *answer = NULL;
	long status = 0;
	CURLcode code;

	if (client->control == NULL)
		client->control = must(curl_easy_init());
	curl_easy_reset(client->control);
	text_format(url, sizeof(url), "%s%s", base_url, path);
	curl_easy_setopt(client->control, CURLOPT_URL, url);
	curl_easy_setopt(client->control, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(client->control, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(client->control, CURLOPT_TIMEOUT_MS, 60000L);
	curl_easy_setopt(client->control, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(client->control, CURLOPT_WRITEDATA, &received);
	if (text != NULL)
		curl_easy_setopt(client->control, CURLOPT_POSTFIELDS, text);
	code = curl_easy_perform(client->control);
	curl_easy_getinfo(client->control, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK && status == 200)
		answer = json_loads(received.text, 0, NULL);
	if (answer == NULL)
		fprintf(stderr, "yitong-sandbox: %s: %s %s\n", url,
		        code == CURLE_OK ? "HTTP" : curl_easy_strerror(code), received.text);
	free(received.text);
	free(text);
	return answer;
}
