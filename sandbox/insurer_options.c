/* sandbox/insurer_options.c - `yitong-sandbox insurer`: its help and options; then insurer_serve.c or jinhui_serve.c.
 */
#include "jinhui.h"
#include "options.h"
#include "text.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char insurer_help[] =
        "yitong-sandbox insurer - 天一甬宁保 (profile TY/1.0, TY/1.1) or 金惠保 (JH/2.0): takes claims, decides, pays\n"
        "\n"
        "  --profile P     TY or JH (金惠保); what is for TY only is marked *, defaults of JH stand behind /    (TY)\n"
        "  --address A --port N --control-port N   where it listens  (127.0.0.1, 9446, 9483 / 9447, 9484)\n"
        "  --certs DIR     made by certs/make: insurer.crt, ca.crt, secrets/insurer-ty-* / sm2/     (certs/out)\n"
        "  --app-id ID     the only caller it knows    (gw330299 / GW330799)     --product P *  (TYYNB-2026)\n"
        "  --version V *   1.0, or 1.1: with quotes and decisions at once    (1.0)\n"
        "  --decide-ms N   from receipt to decision    (1500)         --pay-ms N     from there to payment    (1500)\n"
        "  --pay-by X *    INSURER, or GATEWAY: it waits for POST .../payment    (INSURER)\n"
        "  --mandate-banks A,B *  those whose payee's bankNo begins so are paid by the GATEWAY    (none)\n"
        "  --pay-to X *    PERSON or INSTITUTION, in TY/1.1    (PERSON)\n"
        "  --hospitals A,B *  those it pays where it decides at once (mode SYNC); their quotes say so    (none)\n"
        "  --sync-ms N *   how long a decision at once takes; over 2000 it comes afterwards    (as --decide-ms)\n"
        "  --enrol-all     everybody is insured; without it those of POST /persons\n"
        "  --special-drugs A,B    list codes of SPECIAL_DRUG    (none)\n"
        "  --amount-faults        the last two digits of a claim's total in fen choose a fault: 81 asks for documents,\n"
        "                  82 not insured, 83 no callbacks / no result for two days, 84 callbacks twice, the last first\n"
        "                  / nothing, 85 wrong signature, 86 cut after taking, 87 busy three times, 88 the payment comes\n"
        "                  back and is made once more, 89 taken, but told B2007 / 2007\n"
        "  --callback-url U *      https://host:port of the gateway's listener for decisions    (none: no callbacks)\n"
        "  --callback-minute-ms N * how long a minute of the pauses between callbacks lasts    (60000)\n"
        "  --ledger FILE   writes the ledger when it ends    --ports FILE  writes both ports when they are open\n"
        "\n"
        "Pays 60 % of what selfInList + preSelf exceed 5000.00 by, 50 % of what selfOutList + overLimitSelf do (each once\n"
        "a person and year), 50 % of special drugs.  JH: 50 % of what all four exceed 8000.00 by, 40 % of special drugs.\n"
        "\n"
        "Control port: GET /ledger /stats /list (its daily list) /fault, POST /fault /persons /quiesce, DELETE /fault. A fault: kind delay,\n"
        "effect_then_silence, effect_then_cut, cut, refuse (text: the code), busy, wrong_signature, goaway, reset,\n"
        "http_502_html, maintenance; JH not goaway and reset, but cut_body, garbage, chunked, pieces, beyond_gbk; op (claims, query, withdraw, documents, payment, eligibility, quote, reconciliation),\n"
        "setl_id, visit (of quote), msgid (requestNo), count, skip, ms. A person: {\"certno\", \"name\"}.\n";

enum insurer_option_id {
	OPT_HELP = 'h',
	OPT_ADDRESS = 256,
	OPT_PORT,
	OPT_CONTROL_PORT,
	OPT_CERTS,
	OPT_LEDGER,
	OPT_PORTS,
	OPT_APP_ID,
	OPT_PRODUCT,
	OPT_VERSION,
	OPT_DECIDE,
	OPT_PAY,
	OPT_PAY_BY,
	OPT_PAY_TO,
	OPT_HOSPITALS,
	OPT_SYNC,
	OPT_ENROL_ALL,
	OPT_SPECIAL,
	OPT_AMOUNT_FAULTS,
	OPT_CALLBACK,
	OPT_MINUTE,
	OPT_PROFILE,
	OPT_MANDATE,
};

static const struct option insurer_options[] = {
	{ "help", no_argument, NULL, OPT_HELP },
	{ "address", required_argument, NULL, OPT_ADDRESS },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "control-port", required_argument, NULL, OPT_CONTROL_PORT },
	{ "certs", required_argument, NULL, OPT_CERTS },
	{ "app-id", required_argument, NULL, OPT_APP_ID },
	{ "product", required_argument, NULL, OPT_PRODUCT },
	{ "version", required_argument, NULL, OPT_VERSION },
	{ "decide-ms", required_argument, NULL, OPT_DECIDE },
	{ "pay-ms", required_argument, NULL, OPT_PAY },
	{ "pay-by", required_argument, NULL, OPT_PAY_BY },
	{ "pay-to", required_argument, NULL, OPT_PAY_TO },
	{ "enrol-all", no_argument, NULL, OPT_ENROL_ALL },
	{ "special-drugs", required_argument, NULL, OPT_SPECIAL },
	{ "amount-faults", no_argument, NULL, OPT_AMOUNT_FAULTS },
	{ "profile", required_argument, NULL, OPT_PROFILE },
	{ "mandate-banks", required_argument, NULL, OPT_MANDATE },
	{ "hospitals", required_argument, NULL, OPT_HOSPITALS },
	{ "sync-ms", required_argument, NULL, OPT_SYNC },
	{ "callback-url", required_argument, NULL, OPT_CALLBACK },
	{ "callback-minute-ms", required_argument, NULL, OPT_MINUTE },
	{ "ledger", required_argument, NULL, OPT_LEDGER },
	{ "ports", required_argument, NULL, OPT_PORTS },
	{ NULL, 0, NULL, 0 },
};

/* Whether value is b rather than a; ends the program when it is neither. */
static bool is_second(const char *name, const char *value, const char *a, const char *b)
{
	char wanted[80];

	if (strcmp(value, b) == 0 || strcmp(value, a) == 0)
		return strcmp(value, b) == 0;
	text_format(wanted, sizeof(wanted), "%s or %s is needed", a, b);
	exit(wrong_option(name, value, wanted));
}

/* How it behaves; 2: no such option. */
static int insurer_behaviour(struct insurer_options *o, int option)
{
	switch (option) {
	case OPT_VERSION:
		o->is_11 = is_second("--version", optarg, "1.0", "1.1");
		return 0;
	case OPT_DECIDE:
		o->decide_ms = number("--decide-ms", optarg, 0, INT32_MAX);
		return 0;
	case OPT_PAY:
		o->pay_ms = number("--pay-ms", optarg, 0, INT32_MAX);
		return 0;
	case OPT_HOSPITALS:
		o->hospitals = optarg;
		return 0;
	case OPT_SYNC:
		o->sync_ms = number("--sync-ms", optarg, 1, INT32_MAX);
		return 0;
	case OPT_PAY_BY:
		o->is_paid_by_gateway = is_second("--pay-by", optarg, "INSURER", "GATEWAY");
		return 0;
	case OPT_MANDATE:
		o->mandate_banks = optarg;
		return 0;
	case OPT_PROFILE:
		o->rule = is_second("--profile", optarg, "TY", "JH") ? &product_jh : &product_ty;
		return 0;
	case OPT_PAY_TO:
		o->pay_to = is_second("--pay-to", optarg, "PERSON", "INSTITUTION") ? "INSTITUTION" : "PERSON";
		return 0;
	case OPT_ENROL_ALL:
		o->enrols_all = true;
		return 0;
	case OPT_SPECIAL:
		o->special_drugs = optarg;
		return 0;
	case OPT_AMOUNT_FAULTS:
		o->has_amount_faults = true;
		return 0;
	case OPT_MINUTE:
		o->callback_minute_ms = number("--callback-minute-ms", optarg, 1, 60000);
		return 0;
	default:
		return 2;
	}
}

static int insurer_option(struct insurer_options *o, int option, const char **certs)
{
	switch (option) {
	case OPT_ADDRESS:
		o->address = optarg;
		return 0;
	case OPT_PORT:
		o->port = (uint16_t)number("--port", optarg, 0, 65535);
		return 0;
	case OPT_CONTROL_PORT:
		o->control_port = (uint16_t)number("--control-port", optarg, 0, 65535);
		return 0;
	case OPT_CERTS:
		*certs = optarg;
		return 0;
	case OPT_APP_ID:
		o->app_id = optarg;
		return strlen(optarg) <= 32 ? 0 : wrong_option("--app-id", optarg, "at most 32 characters");
	case OPT_PRODUCT:
		o->product = optarg;
		return strlen(optarg) <= 16 ? 0 : wrong_option("--product", optarg, "at most 16 characters");
	case OPT_CALLBACK:
		o->callback_url = optarg;
		return strncmp(optarg, "https://", 8) == 0
		               ? 0
		               : wrong_option("--callback-url", optarg, "https://host:port is needed");
	case OPT_LEDGER:
		o->ledger_path = optarg;
		return 0;
	case OPT_PORTS:
		o->ports_path = optarg;
		return 0;
	default:
		return insurer_behaviour(o, option);
	}
}

/* What was not said is the profile's own. */
static void insurer_defaults(struct insurer_options *o, bool has_port, bool has_control_port)
{
	bool is_jh = o->rule == &product_jh;

	if (!has_port)
		o->port = is_jh ? 9447 : 9446;
	if (!has_control_port)
		o->control_port = is_jh ? 9484 : 9483;
	if (o->app_id == NULL)
		o->app_id = is_jh ? "GW330799" : "gw330299";
}

int insurer_mode(int argc, char **argv)
{
	static struct insurer_options o = { .rule = &product_ty,
		.address = "127.0.0.1",
		.product = "TYYNB-2026",
		.pay_to = "PERSON",
		.special_drugs = "",
		.decide_ms = 1500,
		.pay_ms = 1500,
		.callback_minute_ms = 60000 };
	bool has_port = false, has_control_port = false;
	const char *certs = "certs/out";
	int option, wrong = 0;

	while (wrong == 0 && (option = getopt_long(argc, argv, "h", insurer_options, NULL)) != -1) {
		if (option == OPT_HELP)
			return fputs(insurer_help, stdout) < 0;
		has_port |= option == OPT_PORT;
		has_control_port |= option == OPT_CONTROL_PORT;
		wrong = insurer_option(&o, option, &certs);
	}
	if (wrong != 0)
		return wrong;
	insurer_defaults(&o, has_port, has_control_port);
	o.cert = in_folder(certs, "insurer.crt");
	o.key = in_folder(certs, "insurer.key");
	o.ca = in_folder(certs, "ca.crt");
	o.secret_path = in_folder(certs, "secrets/insurer-ty-key");
	o.field_key_path = in_folder(certs, "secrets/insurer-ty-field-key");
	o.keys_folder = in_folder(certs, "sm2");
	return o.rule == &product_jh ? jinhui_main(&o) : insurer_main(&o);
}
