/* sandbox/cases.h - the hospitals' demonstration: which visits, what goes wrong, what must come out. */
#ifndef SANDBOX_CASES_H
#define SANDBOX_CASES_H

#include "client.h"

struct hospitals_options {
	struct origin *origins; /* [0] hospital-one, [1] hospital-two, [2] the clinic */
	const char *control_url;
	const char *hub_url;      /* control port of the hub; NULL: nobody is insured in another province */
	const char *province_url; /* likewise of our own province's end towards the hub; NULL: nobody is treated
	                             elsewhere */
	const char *insurer_url;  /* control port of 天一甬宁保; NULL: nobody claims there */
	const char *jinhui_url;   /* of 金惠保, likewise */
	const char *bank_url;     /* control port of the bank; NULL: insurers pay themselves */
	const char *intake_url;   /* where the gateway is told consents, accounts, invoices */
	const char
	        *clerk; /* command that shows, as JSON, what became of the number put behind it; NULL: nobody looks */
	struct origin *away;      /* the hospital in another province, sending to the gateway's listener for the hub */
	const char *keys;         /* folder with SM2 keys by area */
	const char *traffic_path; /* NULL: invented from seed */
	int64_t seed;
	int64_t visits; /* at least so many; out-patients without trouble fill up */
	int64_t threads;
	int64_t timeout_ms, budget_ms, held_ms;
	const char *only; /* comma-separated case names; NULL: all */
	bool is_direct;   /* straight to the platform: no cases that need a gateway */
	bool is_tolerant; /* only the ledgers decide, not what was answered on the way */
	bool is_quiet;
	int64_t alter_fen; /* alter the platform's ledger before comparing; 0: do not */
	const char *report_path, *ledger_path;
	const char *people_path; /* made when the insurers know their people; the visits begin when it is gone; NULL */
	const char *certs;       /* folder with the odd certificates; NULL: those cases are left out */
};

int hospitals_main(const struct hospitals_options *options);
/* Lists the cases, one a line, for --help. */
void cases_print(void);

#endif
