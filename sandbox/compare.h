/* sandbox/compare.h - one-sided settlements, from the two sides' ledgers alone.
 *
 * A settlement is one-sided (单边账) when it counts on one side and not on the other, or on both with
 * other amounts.  Nothing of the gateway is looked at. */
#ifndef SANDBOX_COMPARE_H
#define SANDBOX_COMPARE_H

#include <jansson.h>

/* A visit that was refused to the hospital (must_be_gone) and is still registered counts, too.
 * Claims at insurers likewise: a claim in force needs a settled settlement of the same amount, a settlement whose
 * hospital told a consent (is_claimed) needs its claim, and what an insurer decided must have been paid once.
 * Payouts at banks: what the gateway paid for an insurer stands once on one account, and the insurer knows of it.
 * hospitals: {"run": ..., "settlements": [...], "orders": [payouts that agencies ordered]}, platform: the ledger of GET
 * /ledger, of platform, hub, province, insurers and bank as one.  Platform rows whose own_visit does not begin with the
 * run's prefix are of other runs and counted as foreign. double_bookings are this run's settlements in force over lines
 * that another one in force covers. Returns {"one_sided": n, "undecided": n, "compared": n, "foreign": n,
 * "double_bookings": n, "differences": [text, ...], "claims": {insurer: {"claims", "paid", "refused", "withdrawn",
 * "open", "paid_fen"}}, "payouts": {"ordered", "paid", "returned",
 * "reordered": ordered anew after its money had come back, and paid once, "paid_fen", "paid_by": {face: n}}}. */
json_t *ledgers_compare(const json_t *hospitals, const json_t *platform);

/* Adds the rows of one ledger to all: several parties' as one, as settlement numbers differ everywhere. */
void ledger_join(json_t *all, const json_t *one);

/* The whole of `yitong-sandbox compare`: reads the hospitals' file and those of the n parties, prints; exit code 0, 1
 * (one-sided), 2. */
int compare_main(const char *hospitals_path, char **party_paths, int n);

#endif
