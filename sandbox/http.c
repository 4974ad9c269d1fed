/* sandbox/http.c - a server on libmicrohttpd (http.h). */
#include "http.h"
#include "text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PIECE 61u  /* octets */
#define POLL_MS 20 /* how often a blocked handler looks whether the server stops */

struct http_server {
	struct MHD_Daemon *daemon;
	http_handler handler;
	void *context;
	char *cert, *key, *client_ca;
	size_t body_max;
	atomic_bool is_stopping;
};

/* What arrives of one request; made at its first callback, freed by on_completed. */
struct upload {
	char *data;
	size_t len, room;
	bool is_too_long;
};

static enum MHD_Result upload_add(struct upload *upload, const char *data, size_t len, size_t max)
{
	if (upload->len + len > max) {
		upload->is_too_long = true;
		return MHD_YES;
	}
	if (upload->len + len + 1 > upload->room) {
		upload->room = (upload->len + len + 1) * 2;
		upload->data = must(realloc(upload->data, upload->room));
	}
	memcpy(upload->data + upload->len, data, len);
	upload->len += len;
	upload->data[upload->len] = '\0';
	return MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
        const char *version, const char *data, size_t *len, void **state)
{
	struct http_server *server = context;
	struct upload *upload = *state;
	struct http_request request = { .connection = connection, .method = method, .path = url };

	if (upload == NULL) {
		*state = must(calloc(1, sizeof(*upload)));
		return MHD_YES;
	}
	if (*len > 0) {
		enum MHD_Result result = upload_add(upload, data, *len, server->body_max);

		*len = 0;
		return result;
	}
	if (upload->is_too_long)
		return http_answer(&request, MHD_HTTP_CONTENT_TOO_LARGE, "text/plain", "too long\n", 9);
	request.body = upload->data == NULL ? (char *)(uintptr_t) "" : upload->data;
	request.len = upload->len;
	return server->handler(server->context, &request);
}

static void on_completed(
        void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
	struct upload *upload = *state;

	if (upload != NULL)
		free(upload->data);
	free(upload);
	*state = NULL;
}

static bool tls_files_read(struct http_server *server, const struct http_server_options *options)
{
	if (options->cert_path == NULL)
		return true;
	server->cert = file_read(options->cert_path, NULL);
	server->key = file_read(options->key_path, NULL);
	if (options->client_ca_path != NULL)
		server->client_ca = file_read(options->client_ca_path, NULL);
	return server->cert != NULL && server->key != NULL &&
	       (options->client_ca_path == NULL || server->client_ca != NULL);
}

static struct MHD_Daemon *daemon_start(struct http_server *server, const struct sockaddr_in *address)
{
	unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
	                 (server->cert != NULL ? MHD_USE_TLS : 0);
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, server->cert },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, server->key },
		{ server->client_ca == NULL ? MHD_OPTION_END : MHD_OPTION_HTTPS_MEM_TRUST, 0, server->client_ca },
		{ MHD_OPTION_END, 0, NULL },
	};

	/* No MHD_OPTION_LISTENING_ADDRESS_REUSE: that is SO_REUSEPORT, and a second sandbox would take half of the
	 * connections instead of ending with an error. */
	return MHD_start_daemon(flags, ntohs(address->sin_port), NULL, NULL, on_request, server, MHD_OPTION_SOCK_ADDR,
	        address, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT,
	        HTTP_CONNECTIONS_MAX, MHD_OPTION_THREAD_STACK_SIZE, (size_t)512 * 1024, MHD_OPTION_ARRAY,
	        server->cert != NULL ? tls : &tls[3], MHD_OPTION_END);
}

struct http_server *http_start(const struct http_server_options *options)
{
	struct http_server *server = must(calloc(1, sizeof(*server)));
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(options->port) };

	server->handler = options->handler;
	server->context = options->context;
	server->body_max = options->body_max != 0 ? options->body_max : HTTP_BODY_MAX;
	if (inet_pton(AF_INET, options->address, &address.sin_addr) != 1)
		fprintf(stderr, "yitong-sandbox: %s is no IPv4 address\n", options->address);
	else if (tls_files_read(server, options))
		server->daemon = daemon_start(server, &address);
	if (server->daemon != NULL)
		return server;
	fprintf(stderr,
	        "yitong-sandbox: cannot listen on %s:%u%s%s (is the port taken? are certificate and key a pair?)\n",
	        options->address, options->port, errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
	http_stop(server);
	return NULL;
}

uint16_t http_port(const struct http_server *server)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);

	return info == NULL ? 0 : info->port;
}

void http_stop(struct http_server *server)
{
	if (server == NULL)
		return;
	atomic_store(&server->is_stopping, true);
	if (server->daemon != NULL)
		MHD_stop_daemon(server->daemon);
	free(server->cert);
	free(server->key);
	free(server->client_ca);
	free(server);
}

bool http_is_stopping(const struct http_server *server)
{
	return atomic_load(&server->is_stopping);
}

const char *http_header(const struct http_request *request, const char *name)
{
	const char *value = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);

	return value == NULL ? "" : value;
}

static gnutls_session_t session_of(const struct http_request *request)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	return info == NULL ? NULL : info->tls_session;
}

static bool common_name(gnutls_session_t session, char *name)
{
	unsigned n_certs = 0;
	const gnutls_datum_t *certs = gnutls_certificate_get_peers(session, &n_certs);
	gnutls_x509_crt_t cert;
	size_t size = 128;
	bool is_read = false;

	if (n_certs == 0 || gnutls_x509_crt_init(&cert) < 0)
		return false;
	if (gnutls_x509_crt_import(cert, &certs[0], GNUTLS_X509_FMT_DER) == 0)
		is_read = gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size) == 0;
	gnutls_x509_crt_deinit(cert);
	return is_read;
}

bool http_peer_is_known(const struct http_request *request, char *name, char *why)
{
	gnutls_session_t session = session_of(request);
	unsigned status = 0;

	*name = '\0';
	if (session == NULL || gnutls_certificate_verify_peers2(session, &status) < 0) {
		text_format(why, 128, "no client certificate");
		return false;
	}
	if (status != 0) {
		text_format(why, 128, "client certificate %s",
		        (status & GNUTLS_CERT_EXPIRED) != 0            ? "has expired"
		        : (status & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0 ? "of an unknown authority"
		                                                       : "is not valid");
		return false;
	}
	if (common_name(session, name))
		return true;
	text_format(why, 128, "client certificate without a common name");
	return false;
}

static enum MHD_Result queue(
        struct http_request *request, unsigned status, const char *type, struct MHD_Response *response)
{
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	result = MHD_queue_response(request->connection, status, response);
	MHD_destroy_response(response);
	return result;
}

enum MHD_Result http_answer(
        struct http_request *request, unsigned status, const char *type, const char *text, size_t len)
{
	return queue(request, status, type,
	        MHD_create_response_from_buffer(len, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY));
}

struct half {
	size_t len;
	char text[];
};

static ssize_t half_read(void *context, uint64_t position, char *out, size_t room)
{
	const struct half *half = context;
	size_t len = half->len - (size_t)position;

	if (len == 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	len = len < room ? len : room;
	memcpy(out, half->text + position, len);
	return (ssize_t)len;
}

enum MHD_Result http_answer_cut(struct http_request *request, const char *type, const char *text, size_t len)
{
	struct half *half = must(malloc(sizeof(*half) + len / 2 + 1));

	half->len = len / 2;
	memcpy(half->text, text, half->len);
	return queue(request, MHD_HTTP_OK, type, MHD_create_response_from_callback(len, 1024, half_read, half, free));
}

static ssize_t piece_read(void *context, uint64_t position, char *out, size_t room)
{
	const struct half *whole = context;
	size_t len = whole->len - (size_t)position;

	if (len == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	len = len < PIECE ? len : PIECE;
	len = len < room ? len : room;
	sleep_ms(1); /* else the octets before are still in the same packet */
	memcpy(out, whole->text + position, len);
	return (ssize_t)len;
}

enum MHD_Result http_answer_pieces(
        struct http_request *request, const char *type, const char *text, size_t len, bool is_chunked)
{
	struct half *whole = must(malloc(sizeof(*whole) + len + 1));

	whole->len = len;
	memcpy(whole->text, text, len);
	return queue(request, MHD_HTTP_OK, type,
	        MHD_create_response_from_callback(is_chunked ? MHD_SIZE_UNKNOWN : len, PIECE, piece_read, whole, free));
}

static int fd_of(const struct http_request *request)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info == NULL ? -1 : info->connect_fd;
}

enum MHD_Result http_hang_up(struct http_request *request)
{
	shutdown(fd_of(request), SHUT_RDWR);
	return MHD_NO;
}

void http_send_raw(struct http_request *request, const char *octets, size_t len)
{
	gnutls_session_t session = session_of(request);
	struct pollfd wait = { .fd = fd_of(request), .events = POLLOUT };
	ssize_t sent = 0;

	while (len > 0) {
		sent = session != NULL ? gnutls_record_send(session, octets, len)
		                       : send(wait.fd, octets, len, MSG_NOSIGNAL);
		if (sent > 0) {
			octets += sent;
			len -= (size_t)sent;
		} else if (sent != GNUTLS_E_AGAIN && sent != GNUTLS_E_INTERRUPTED) {
			return;
		} else if (poll(&wait, 1, 5000) <= 0) {
			return;
		}
	}
}

bool http_wait_gone(const struct http_server *server, const struct http_request *request, int64_t ms)
{
	int64_t end_ms = clock_steady_ms() + ms;
	/* POLLRDHUP shows the close even with TLS's own closing octets still unread before it. */
	struct pollfd wait = { .fd = fd_of(request), .events = POLLRDHUP };

	while (!http_is_stopping(server) && (ms < 0 || clock_steady_ms() < end_ms))
		if (poll(&wait, 1, POLL_MS) > 0)
			return true;
	return false;
}
