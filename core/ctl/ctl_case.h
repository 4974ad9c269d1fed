/* core/ctl/ctl_case.h - what `yitong case` is made of: ctl_case.c finds the exchanges of a visit and prints them,
 * ctl_case_steps.c tells from an exchange's records who was asked what and what came of it. */
#ifndef YT_CTL_CTL_CASE_H
#define YT_CTL_CTL_CASE_H

#include "ctl/desk.h"

#define CASE_STEPS_MAX 32
#define CASE_LINES_MAX 16 /* of one exchange, that differ */

/* One thing asked of one party; tries of the same are one step, each payout of one that is paid anew is its own. */
struct case_step {
	enum rec_leg leg;
	unsigned step; /* of its flow, from 1; 0: none */
	char party[32], number[EXCHANGE_NUMBER_MAX], code[16], reason[96];
	char pay_no[24];        /* of the payout that it orders or tells of; empty: none */
	char orig_pay_no[24];   /* of the payout that it makes anew; empty: none */
	char note[96];          /* beside that it left; empty: nothing */
	const struct yt_op *op; /* NULL: not known here */
	int64_t first_ms, last_ms;
	uint32_t n_sent;
	enum yt_outcome outcome; /* 0: not known yet */
	bool is_awaited;         /* answered, and nothing is decided yet */
	bool is_found;           /* its answer was found out otherwise: what is kept for it is ours, JSON */
	struct yt_str sent, got; /* octets, borrowed from the records; empty: not kept, or no keys */
	struct yt_node *said;    /* object of what may be shown of request and answer; NULL: nothing */
};

/* What a bank has told of a payment: a line of its statement, or without a day of booking another word of it, as a
 * report, a result file, the notice of one entry.  The same told again is one. */
struct case_line {
	int64_t wall_ms;                                                     /* when it was told here ... */
	uint64_t statement;                                                  /* ... by that exchange */
	char number[EXCHANGE_NUMBER_MAX], serial[40], booked[11], state[16]; /* PAID, RETURNED, DIFFERS ... */
	char pay_no[24];
	bool is_listing; /* a row of its insurer's list of that day: serial is the claim's number, ... */
	char why[96];    /* ... and why it is no proof; empty: it is none, or as the claim ended */
	int64_t fen;     /* -1: it says none */
};

struct case_steps {
	struct case_step item[CASE_STEPS_MAX]; /* by the time of their last word */
	size_t n;
	struct case_line line[CASE_LINES_MAX];
	size_t n_lines;
	char ended_why[96]; /* by what evidence it ended as done or refused; empty: it did not */
	bool is_refused;    /* ... as refused */
};

/* Folds an exchange's records; what they told in other formats is read where desk has the plugin and the keys. */
void case_steps_read(struct case_steps *out, struct desk *desk, const struct ctl_records *records);
/* The value of a state in the chosen language; NULL: it is none, and stays what its party says. */
const char *case_word(struct yt_str member, struct yt_str value);
/* "submit" ...: what it is, in the chosen language; into text. */
void case_step_name(const struct case_step *step, char *text, size_t size);

#endif
