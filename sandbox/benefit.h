/* sandbox/benefit.h - the sandbox platform's benefit rule: who pays which fen of a bill.
 *
 * A simple rule, stated here and in sandbox/README.md, not a real one.  All amounts are integer fen;
 * halves are rounded away from zero; a refund line (negative) splits as the mirror of its original.
 *
 * Each fee line, by the last digit of its national code (med_list_codg):
 *   0-5 or no digit  class 01 甲类   all in scope
 *   6-8              class 02 乙类   a tenth is paid by the person first (preselfpay_amt)
 *   9                class 03 丙类   all self-funded (fulamt_ownpay_amt)
 * A code that begins with C (consumables) has a price ceiling of 500.00 a unit; what is above it is
 * overlmt_amt, and the rest is split by class (class 03 is self-funded whole).
 * Items whose share or ceiling is another one stand in a list at the top of benefit.c.
 * The kind of an item (med_chrgitm_type): X and Z drugs (09, 11), C material (08), beds 01, all else treatment (05).
 *
 * A settlement, over the sums of its lines (scope = inscp_scp_amt):
 *   deductible  act_pay_dedc = min(scope, 600.00 for 310, 500.00 for 390, else 0); in-patients only
 *   basic fund  hifp_pay = (scope - deductible) x ratio (pool_prop_selfpay):
 *                 310 80 % out-patient, 85 % in-patient; 390 50 %, 70 %; 340 100 %; others 50 %
 *   second fund of what scope leaves to the person (rest = scope - hifp_pay):
 *                 390 hifmi_pay 60 % of rest above 15000.00; 310 hifob_pay 80 % of rest above 10000.00
 *   civil servants (cvlserv_flag 1, insutype 310): cvlserv_pay = half of what is then left of scope
 *   account     acct_pay = min(balance, person's part), insutype 310 with acct_used_flag 1 only
 *   the hospital bears nothing (hosp_part_amt 0)
 * so that R1 to R4 hold exactly. */
#ifndef SANDBOX_BENEFIT_H
#define SANDBOX_BENEFIT_H

#include <stdbool.h>
#include <stdint.h>

struct benefit_line {
	const char *class_code; /* chrgitm_lv */
	const char *kind_code;  /* med_chrgitm_type */
	int64_t ceiling_fen;    /* pric_uplmt_amt; 0: none */
	int64_t selfpay_permille;
	int64_t full_fen, over_fen, first_fen, scope_fen; /* add up to the line */
};

struct benefit_input {
	const char *insutype;
	bool is_inpatient;
	bool is_civil_servant;
	bool may_use_account;
	int64_t balance_fen;
	int64_t full_fen, over_fen, first_fen, scope_fen; /* sums of the lines */
};

struct benefit {
	int64_t total_fen;
	int64_t full_fen, over_fen, first_fen, scope_fen; /* R1 */
	int64_t deductible_fen;
	int64_t ratio_permille;
	int64_t hifp_fen, cvlserv_fen, hifmi_fen, hifob_fen; /* R4 */
	int64_t fund_fen, person_fen, hospital_fen;          /* R2 */
	int64_t account_fen, cash_fen;                       /* R3 */
	int64_t balance_after_fen;
};

/* count_e4: quantity in 1/10000. */
void benefit_split_line(const char *code, int64_t amount_fen, int64_t count_e4, struct benefit_line *out);
void benefit_settle(const struct benefit_input *in, struct benefit *out);

#endif
