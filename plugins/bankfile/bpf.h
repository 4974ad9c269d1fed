/* plugins/bankfile/bpf.h - batch files BPF/1.0, and what the codes of such banks mean; bankfile is built of it, and
 * banklink, whose BD2001 carries such a file and whose answers have the same codes.
 *
 *   bpf_read.c   a file line by line: open, next line, totals
 *   bpf_write.c  a file from payouts, a result file from rows
 *   codes.c      PaySts and PayRetCode: what each means for the money
 *   value.c      forms of values: digits, amounts, lengths in octets of GB18030
 *
 * Octets are GB18030, in which 0x7C, the separator, is also the second octet of 118 characters: lines are cut where a
 * character begins, and only there.  Section numbers are those of bank.md. */
#ifndef BPF_H
#define BPF_H

#include "yitong/payout.h"
#include "yitong/plugin.h"

#define BPF_OCTETS_MAX (16u << 20)
#define BPF_LINES_MAX 50000
#define BPF_FIELDS_MAX 16

/* -- values (value.c) ----------------------------------------------------------------------------- */

bool bank_is_digits(struct yt_str s, size_t least, size_t most);
bool bank_is_ascii(struct yt_str s, size_t least, size_t most); /* printable, no blank but inside */
/* "12.30": no sign, no thousands, two decimals, no zeros in front.  may_be_zero: 0.00 is one.  may_be_negative: a
 * balance. */
bool bank_amount(struct yt_str s, bool may_be_zero, bool may_be_negative, int64_t *fen);
bool bank_day(struct yt_str s);                                        /* yyyyMMdd that is a day */
struct yt_str bank_day_out(struct yt_arena *arena, struct yt_str day); /* yyyy-MM-dd to yyyyMMdd */
struct yt_str bank_day_in(struct yt_arena *arena, struct yt_str day);  /* and back; empty stays empty */
/* Octets of a text in GB18030; 0 with *why when it cannot be written there.  *code: the character that cannot. */
size_t bank_octets(struct yt_str text, uint32_t *code, const char **why);
int bank_refuse(struct yt_fault *fault, const char *path, const char *member, const char *why);
/* CL 01, MA 02, HS 03, IN 04; NULL and empty for others. */
const char *bank_business_of(struct yt_str pay_type);
struct yt_str bank_type_of(struct yt_str business);

/* -- codes (codes.c) ------------------------------------------------------------------------------ */

enum bank_meaning {
	BANK_DONE,    /* read PaySts */
	BANK_FAILED,  /* this request was refused, nothing happens for it */
	BANK_UNKNOWN, /* it may have taken effect, or an earlier one has: ask */
	BANK_ABSENT   /* no such payment: proves nothing the first time */
};
struct bank_code {
	const char *code;
	char ret_type; /* S, F, U as the bank answers with it */
	enum bank_meaning meaning;
	bool is_alarm, is_before; /* before: looked at before anybody looked for an earlier try */
	const char *advice;       /* what a clerk shall do: a word of docs/payments.md */
	const char *iso;          /* the reason of ISO 20022 */
};
/* NULL: a code that the profile does not have. */
const struct bank_code *bank_code(struct yt_str code);
/* The state of a payment by PaySts and PayRetCode; YT_PAY_STATES when PaySts is none of the profile's. */
enum yt_pay_state bank_state(struct yt_str sts, struct yt_str code);
const char *bank_sts(enum yt_pay_state state); /* "04"; of what is not known "07" */
/* Writes pay_state, bank_status, bank_code, bank_text, pay_advice, pay_alarm into row.  0 or YT_ENOMEM. */
int bank_put_state(
        struct yt_arena *arena, struct yt_node *row, struct yt_str sts, struct yt_str code, struct yt_str text);

/* -- files ---------------------------------------------------------------------------------------- */

struct bpf_head {
	bool is_result;
	struct yt_str corp_no, batch_no, day /* yyyyMMdd */, business, payer_acct;
	uint32_t n;
	int64_t fen;
	uint32_t n_ok, n_failed, n_open; /* of a result */
	int64_t ok_fen, failed_fen, open_fen;
};

struct bpf_line {
	uint32_t number; /* from 1 */
	int64_t fen;
	struct yt_str field[BPF_FIELDS_MAX]; /* UTF-8, [0] is the kind; by bank.md 6.3 or 6.5, counted from 0 */
};

struct bpf_reader {
	struct bpf_head head;
	uint8_t digest[32]; /* of the trailer */
	/* the reader's own */
	struct yt_arena *arena;
	struct yt_str rest, trailer;
	uint32_t line; /* of the file, from 1 */
	uint32_t n, n_ok, n_failed, n_open, n_back;
	int64_t fen, ok_fen, failed_fen, open_fen;
};

/* Checks size, line ends, trailer and digest, and reads the head.  octets: borrowed as long as the reader; texts are
 * made in arena.  0; YT_EFORMAT, YT_ELIMIT with *fault (path "line 3"); YT_ENOMEM. */
int bpf_open(struct bpf_reader *r, struct yt_arena *arena, struct yt_str octets, struct yt_fault *fault);
/* The next detail.  0; YT_ENOTFOUND behind the last, when counts and totals agree; YT_EFORMAT with *fault. */
int bpf_next(struct bpf_reader *r, struct bpf_line *line, struct yt_fault *fault);

/* Writes a file of msg's payouts.  head: corp_no, batch_no, day given; the rest is filled in.  0, YT_EFORMAT, YT_ELIMIT
 * with *fault; YT_ENOMEM; out is as before then. */
int bpf_write(struct bpf_head *head, const struct yt_node *body, int64_t limit_fen, struct yt_buf *out,
        struct yt_fault *fault);
/* A result of rows of `payout` (pay_no, payee_acct, pay_amt, pay_state, bank_code, ...).  fallback: the state of rows
 * without one. */
int bpf_write_result(const struct bpf_head *head, const struct yt_node *body, const struct yt_node *told,
        enum yt_pay_state fallback, struct yt_str code, struct yt_str text, struct yt_buf *out);
/* Reads a whole file into data and rows of payout.  0, YT_EFORMAT, YT_ELIMIT, YT_ENOMEM. */
int bpf_read_body(struct yt_arena *arena, struct yt_str octets, struct bpf_head *head, struct yt_node **body,
        struct yt_fault *fault);

#endif
