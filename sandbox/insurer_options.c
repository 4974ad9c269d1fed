/* sandbox/insurer_options.c - `yitong-sandbox insurer`: its help and options; then insurer_serve.c or jinhui_serve.c.
 */
#include "jinhui.h"
#include "options.h"

#include <stdio.h>

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
        "interim (a 103 before the answer), trailers, small_window (16 octets at a time from then on),\n"
        "http_502_html, maintenance; JH not goaway, reset, interim, trailers and small_window, but cut_body, garbage, chunked, pieces, beyond_gbk; op (claims, query, withdraw, documents, payment, eligibility, quote, reconciliation),\n"
        "setl_id, visit (of quote), msgid (requestNo), count, skip, ms. A person: {\"certno\", \"name\"}.\n";

int insurer_mode(int argc, char **argv)
{
	static struct insurer_options o = { .address = "127.0.0.1",
		.product = "TYYNB-2026",
		.special_drugs = "",
		.decide_ms = 1500,
		.pay_ms = 1500,
		.callback_minute_ms = 60000 };
	static const char *certs = "certs/out";
	static int is_11, is_jh, is_paid_by_gateway, is_to_institution;
	static int64_t port = -1, control_port = -1; /* the profile's own */
	static const struct mode_option options[] = {
		{ "profile", .word = &is_jh, .words = { "TY", "JH" } },
		{ "address", .text = &o.address },
		{ "port", .number = &port, 0, UINT16_MAX },
		{ "control-port", .number = &control_port, 0, UINT16_MAX },
		{ "certs", .text = &certs },
		{ "app-id", .text = &o.app_id, .pattern = "^.{0,32}$", .wanted = "at most 32 characters" },
		{ "product", .text = &o.product, .pattern = "^.{0,16}$", .wanted = "at most 16 characters" },
		{ "version", .word = &is_11, .words = { "1.0", "1.1" } },
		{ "decide-ms", .number = &o.decide_ms, 0, INT32_MAX },
		{ "pay-ms", .number = &o.pay_ms, 0, INT32_MAX },
		{ "pay-by", .word = &is_paid_by_gateway, .words = { "INSURER", "GATEWAY" } },
		{ "mandate-banks", .text = &o.mandate_banks },
		{ "pay-to", .word = &is_to_institution, .words = { "PERSON", "INSTITUTION" } },
		{ "hospitals", .text = &o.hospitals },
		{ "sync-ms", .number = &o.sync_ms, 1, INT32_MAX },
		{ "enrol-all", .flag = &o.enrols_all },
		{ "special-drugs", .text = &o.special_drugs },
		{ "amount-faults", .flag = &o.has_amount_faults },
		{ "callback-url", .text = &o.callback_url, .pattern = "^https://",
		        .wanted = "https://host:port is needed" },
		{ "callback-minute-ms", .number = &o.callback_minute_ms, 1, 60000 },
		{ "ledger", .text = &o.ledger_path },
		{ "ports", .text = &o.ports_path },
		{ NULL },
	};
	enum options_read read = options_read(argc, argv, options);

	if (read == OPTIONS_HELP)
		return fputs(insurer_help, stdout) < 0;
	if (read != OPTIONS_GO_ON)
		return read;
	o.rule = is_jh ? &product_jh : &product_ty;
	o.port = (uint16_t)(port >= 0 ? port : is_jh ? 9447 : 9446);
	o.control_port = (uint16_t)(control_port >= 0 ? control_port : is_jh ? 9484 : 9483);
	if (o.app_id == NULL)
		o.app_id = is_jh ? "GW330799" : "gw330299";
	o.is_11 = is_11;
	o.is_paid_by_gateway = is_paid_by_gateway;
	o.pay_to = is_to_institution ? "INSTITUTION" : "PERSON";
	o.cert = in_folder(certs, "insurer.crt");
	o.key = in_folder(certs, "insurer.key");
	o.ca = in_folder(certs, "ca.crt");
	o.secret_path = in_folder(certs, "secrets/insurer-ty-key");
	o.field_key_path = in_folder(certs, "secrets/insurer-ty-field-key");
	o.keys_folder = in_folder(certs, "sm2");
	return is_jh ? jinhui_main(&o) : insurer_main(&o);
}
