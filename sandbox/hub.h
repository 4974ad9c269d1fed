/* sandbox/hub.h - the national hub with the provinces that pay behind it, as one server.
 *
 * Speaks the cross-province profile (KSBW 1.0) on libxml2 and OpenSSL, no code of the gateway's: hub_wire.c reads,
 * verifies, writes and signs; hub_book.c registers, keeps lines, settles by a stated rule; hub.c serves, plays faults
 * and has the control port.  The settlement rule, of the scope amount (ake171):
 *   in-patients: deductible 3000.00 (never more than the scope); out-patients and pharmacies: none
 *   basic fund   390: 55 % in-patient, 50 % else; 310: 80 % in-patient, 70 % else
 *   second fund  390: 60 % of what scope leaves above 5000.00 (serious disease); 310: 80 % above 10000.00 (large sums)
 *   aid          people on it: 70 % of what scope then leaves
 *   account      310 with ake122 = 1: up to the balance.  The rest is cash. */
#ifndef SANDBOX_HUB_H
#define SANDBOX_HUB_H

#include <jansson.h>
#include <libxml/tree.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* hub_wire.c */

/* From the < of <name to the last > of </name>, as transmitted; NULL: it is not there. */
const char *xml_raw_part(const char *octets, size_t len, const char *name, size_t *n);

struct hub_keys; /* SM2 keys by area, from a folder: AREA.key signs, AREA.pub verifies */
struct hub_keys *hub_keys_open(const char *folder); /* NULL after telling on stderr */
void hub_keys_close(struct hub_keys *keys);

struct hub_message {
	xmlDocPtr doc;
	xmlNodePtr input; /* or result, of an answer; NULL where the head could not be read */
	bool is_gb18030;
	char transno[8], msgtype[2], transid[31], sender[7], recver[7], aab299[7], aab301[7], sendtime[15], keyid[21];
	char digest[65], reftransid[31]; /* reftransid: of an answer */
	int expire_s;
};

/* 0, or the error code of the first check that fails, with *why; message is to be freed in any case. */
int hub_read(struct hub_keys *keys, const char *octets, size_t len, struct hub_message *message, const char **why);
void hub_message_free(struct hub_message *message);
xmlNodePtr hub_child(xmlNodePtr node, const char *name); /* NULL when missing */
/* Text of a child, "" when missing. */
const char *hub_text(xmlNodePtr node, const char *name, char *out, size_t size);
int64_t hub_fen(xmlNodePtr node, const char *name); /* 0 when missing */

struct hub_result { /* an answer without its head; kept for repeats */
	int code;
	char *message; /* errormsg, may be NULL */
	char *output;  /* XML of <output> as UTF-8, NULL: none */
};
void hub_result_free(struct hub_result *result);
/* The whole answer, signed by the receiver; to be freed.  digest: receives the result's, 65 bytes; result_octets (may
 * be NULL): the octets from <result> to </result>, to be freed. */
char *hub_answer(struct hub_keys *keys, const struct hub_message *asked, const struct hub_result *result,
        bool is_repeat, uint64_t serial, int64_t now_ms, size_t *len, char digest[65], char **result_octets,
        size_t *result_len);
/* A whole request, to be freed: transno, msgtype, transid, sender, recver, areas, expire_s and is_gb18030 are given,
 * the rest of m is set.  input: from <input> to </input>, UTF-8. */
char *hub_request(struct hub_keys *keys, struct hub_message *m, const char *input, int64_t now_ms, size_t *len);
char *base64_text(const char *octets, size_t len); /* to be freed */
void sm3_hex(const char *octets, size_t len, char out[65]);

/* hub_book.c */

struct hub_book;
struct hub_book *hub_book_new(int expire_s); /* how long messages live at most */
void hub_book_free(struct hub_book *book);
/* {"certno", "name", "insutype", "insuplc_admdvs", "aid": bool, "balance_fen"}; NULL or what is wrong. */
const char *hub_person_add(struct hub_book *book, const json_t *row);
/* What one message does and its result, kept under its number; a repeat finds it. *is_repeat: it had been there. */
const struct hub_result *hub_book_run(struct hub_book *book, struct hub_keys *keys, const struct hub_message *message,
        int64_t now_ms, bool *is_repeat, char refused[128]);
/* {"settlements": [...], "registered": [...], "double_bookings": 0} in the words of the platform's ledger. */
json_t *hub_book_ledger(const struct hub_book *book);
/* The hospital's number of a registration, or the registration itself. */
const char *hub_book_own_number(const struct hub_book *book, const char *registration);
const char *hub_book_alter(struct hub_book *book, const char *which, int64_t fen);

/* hub.c */

struct hub_options {
	const char *address, *cert, *key, *client_ca, *keys_folder, *ledger_path, *ports_path;
	uint16_t port, control_port;
	int expire_s; /* that senders give their messages at most */
};
/* Serves until SIGINT or SIGTERM; returns the exit code. */
int hub_main(const struct hub_options *options);

#endif
