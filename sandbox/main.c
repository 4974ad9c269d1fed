/* sandbox/main.c - the command yitong-sandbox: its modes, options and help. */
#include "cases.h"
#include "compare.h"
#include "hub.h"
#include "options.h"
#include "people.h"
#include "platform.h"
#include "text.h"

#include <curl/curl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
        "yitong-sandbox - the counterparts of a medical-insurance gateway, simulated\n"
        "\n"
        "Try a connection before the real one exists: a provincial platform that books, refuses and fails\n"
        "like a real one, and hospitals that send like real ones. Both keep ledgers of their own, so that one\n"
        "can ask afterwards whether any settlement counts on one side only.\n"
        "\n"
        "  yitong-sandbox platform    the provincial platform (智慧医保平台), HTTPS, with a control port\n"
        "  yitong-sandbox hub         the national hub and the provinces behind it, HTTPS, with a control port\n"
        "  yitong-sandbox insurer     a commercial insurer (天一甬宁保, 金惠保), HTTPS, with a control port\n"
        "  yitong-sandbox bank        a bank: direct link, ISO 20022, batch files, with a control port\n"
        "  yitong-sandbox hospitals   three institutions that send a demonstration and check what comes out\n"
        "  yitong-sandbox compare     one-sided settlements from the ledger files of both sides\n"
        "  yitong-sandbox traffic     prints people and bills for `hospitals --traffic`\n"
        "\n"
        "`yitong-sandbox MODE --help` shows a mode's options. sandbox/README.md tells the whole story:\n"
        "transactions, benefit rule, faults, ledgers.\n";

static const char platform_help[] =
        "yitong-sandbox platform - a provincial platform that answers the national transactions\n"
        "\n"
        "9001 9002 1101 2101 2201-2208 2203A 2301-2305 2401-2405 2601 3201 5201 5203, POST, JSON, over TLS with client\n"
        "certificate, signed by x-tif-* (or x-rio-*) headers: hex(SHA256(timestamp+token+nonce+timestamp)),\n"
        "at most 180 s from the platform's clock. It keeps persons, visits, fee lines, settlements and messages\n"
        "in memory, enforces their order, and computes benefits by a simple rule (see below).\n"
        "\n"
        "Options\n"
        "  --address A         listen on this IPv4 address            (127.0.0.1)\n"
        "  --port N            HTTPS; 0: any free one                 (9443)\n"
        "  --control-port N    control port, plain HTTP on 127.0.0.1; 0: any   (9480)\n"
        "  --path P            (/fsi/api/rsfComIfsService/callService)\n"
        "  --certs DIR         made by certs/make; gives the four below        (certs/out)\n"
        "  --cert F --key F    server certificate and key             (DIR/platform.crt, .key)\n"
        "  --client-ca F       whose client certificates are let in   (DIR/ca.crt); none: --no-client-cert\n"
        "  --caller ID:FILE    a paasid and the file with its token; may be repeated\n"
        "                      (GATEWAY01:DIR/secrets/platform-token)\n"
        "  --region R          first six digits of the platform's numbers      (330200)\n"
        "  --sign-check X      off | given | required: whether sign_no must be one that 9001 gave and no\n"
        "                      newer sign-in ended; given lets an empty one pass   (given)\n"
        "  --tombstone         a reversal that found nothing is remembered: the original, arriving later, is\n"
        "                      then refused. Without it (default, as real ones) it takes effect.\n"
        "  --ledger FILE       write the ledger there at the end\n"
        "  --ports FILE        write \"port control-port\" there once both are open\n"
        "\n"
        "Benefit rule (all in integer fen, halves away from zero)\n"
        "  A line, by the last digit of med_list_codg: 0-5 or a letter class 01, all in scope; 6-8 class 02, a\n"
        "  tenth paid first by the person; 9 class 03, self-funded. Codes beginning with C have a ceiling of\n"
        "  500.00 a unit. A settlement: deductible (in-patients: 310 600.00, 390 500.00), then the basic fund\n"
        "  pays 310 80 % (in 85 %), 390 50 % (in 70 %), 340 100 % of the rest in scope; of what scope leaves,\n"
        "  390 60 % above 15000.00 (hifmi_pay), 310 80 % above 10000.00 (hifob_pay), civil servants half of\n"
        "  what then remains (cvlserv_pay); the account (310, acct_used_flag 1) pays up to its balance.\n";

static const char control_help[] =
        "\n"
        "Control port\n"
        "  curl -s localhost:9480/ledger                     every settlement, refund and reversal\n"
        "  curl -s localhost:9480/stats                      what arrived\n"
        "  curl -s localhost:9480/fault                      armed faults; -X DELETE clears them\n"
        "  curl -s localhost:9480/fault -d '{\"kind\":\"effect_then_silence\",\"infno\":\"2207\",\"count\":1}'\n"
        "  curl -s localhost:9480/fault -d '{\"kind\":\"held\",\"visit\":\"330200M0000000778000\",\"ms\":2000}'\n"
        "  curl -s localhost:9480/persons -d "
        "'[{\"certno\":\"330213197906152731\",\"name\":\"示例甲\",\"insutype\":\"310\",\n"
        "                                      \"balance_fen\":186042,\"civil_servant\":false}]'\n"
        "  curl -s localhost:9480/alter -d '{\"fen\":1}'       one fen more in the ledger (setl_id or visit: which)\n"
        "  curl -s localhost:9480/clock -d '{\"offset_s\":300}'\n"
        "  curl -s localhost:9480/settings -d '{\"no_dedup\":true,\"tombstone\":false,\"sign_check\":\"required\"}'\n"
        "  curl -s localhost:9480/quiesce -d '{\"timeout_ms\":30000}'   waits until nothing is to come\n"
        "\n"
        "Faults (POST /fault): kind, and whom it meets: infno, msgid, omsgid (of a 2601), visit (mdtrt_id, or the\n"
        "own number in 2201 and 2401), institution; count (1), skip (0), ms, text; with \"no_dedup\":true its effect\n"
        "is booked although the visit and batch are settled already\n"
        "  delay                takes effect, answers ms later\n"
        "  effect_then_silence  takes effect, never answers, keeps the connection until the client leaves\n"
        "  effect_then_cut      takes effect, closes\n"
        "  cut                  closes, no effect\n"
        "  held                 silent; takes effect ms after the client has left, even when a 2601 has meanwhile\n"
        "                       been told \"not found\" (with \"from\":\"arrival\": ms after it came)\n"
        "  refuse               refuses with text        sign_expired   refuses, the sign_no is void from then on\n"
        "  http_502_html cut_json cut_body garbage duplicate_answer gbk_body wrong_content_type\n"
        "                       takes effect; the answer arrives like that\n"
        "  infcode_string output_null extra_members amounts_as_strings unknown_fund sums_break_r2\n"
        "                       takes effect; the answer is odd like that\n"
        "  maintenance          for ms everything it meets is answered 503\n"
        "no_dedup among the settings does so for all; the ledger then shows double_bookings.\n";

static const char hub_help[] =
        "yitong-sandbox hub - the national hub and the provinces that pay behind it (KSBW 1.0)\n"
        "\n"
        "  --address A --port N --control-port N   where it listens      (127.0.0.1, 9444, 9481)\n"
        "  --certs DIR     made by certs/make: hub.crt, ca.crt, sm2/     (certs/out)\n"
        "  --expire-s N    how long messages live at most: what was never seen is impossible after it   (30)\n"
        "  --ledger FILE   writes the ledger when it ends    --ports FILE  writes both ports when they are open\n"
        "\n"
        "Verifies and signs with SM2; answers P001 0211-0216 0301-0305 1301 P201 and keeps every answer by its number:\n"
        "a repeat gets it once more (dupflag 1), other content -1006, what is reversed is dead. Settles in-patients after\n"
        "3000.00: 390 55 %, then 60 % above 5000.00; 310 80 %, then 80 % above 10000.00; aid 70 % of the rest in scope;\n"
        "out-patients 390 50 %, 310 70 %, without deductible.\n"
        "\n"
        "Control port: as the platform's, GET /ledger /stats /fault, POST /fault /persons /alter /quiesce, DELETE /fault;\n"
        "infno of a fault is the transaction number, visit the hospital's own number (akc190) or ykc700; kind extra_members\n"
        "spoils the signature; text of refuse is the error code. A person: {\"certno\", \"name\", \"insutype\",\n"
        "\"insuplc_admdvs\", \"aid\": false, \"balance_fen\": 0}.\n";

static const char hospitals_help[] =
        "yitong-sandbox hospitals - three institutions that send, and check what comes out\n"
        "\n"
        "Plays visits of invented people, many at once: registration to settlement, stays over several days,\n"
        "cancels; sets faults at the platform for exactly the visit it is about; behaves as hospitals do when no\n"
        "answer comes. Then compares what the hospitals believe with what the platform booked.\n"
        "Exit code 0: every outcome as expected, one-sided 0. 1: not so. 2: wrong options.\n"
        "\n"
        "Options\n"
        "  --mtls-url U        where hospital-one and -two send   (https://127.0.0.1:8443/fsi/api/...callService)\n"
        "  --signed-url U      where the clinic sends, header-signed           (likewise, port 8444)\n"
        "  --control-url U     the platform's control port        (http://127.0.0.1:9480)\n"
        "  --hub-control-url U the hub's: then also visits of people insured in other provinces\n"
        "  --province-control-url U   of a second `hub` that is our own province's end (zhejiang-remote): then also\n"
        "                      visits of people insured here in Shanghai, sent to the gateway by --from-hub-url\n"
        "  --from-hub-url U    (https://127.0.0.1:8445/ksbw)\n"
        "  --insurer-control-url U    an `insurer`'s: then also stays whose claims follow to it\n"
        "  --bank-control-url U       the `bank`'s: then also claims that the gateway pays through it\n"
        "  --jinhui-control-url U     likewise of `insurer --profile JH`, for people insured in Jinhua\n"
        "  --people-ready FILE made when the insurers know their people; the first visit waits until it is gone\n"
        "  --intake-url U      where consents, accounts, invoices are told (https://127.0.0.1:8446/intake)\n"
        "  --clerk COMMAND     says what became of a number: `yitong --conf FILE show --json`; then also agencies that look\n"
        "                      there what came back, before they order it anew\n"
        "  --certs DIR         made by certs/make                 (certs/out)\n"
        "  --clinic ID:FILE    the clinic's caller id and token   (CLINIC01:DIR/secrets/clinic-token)\n"
        "  --institutions A,B,C  codes of hospital-one, -two, clinic  (H33021399901,H33021399902,H33021399903)\n"
        "  --direct URL        no gateway: all send to this platform, signed as --platform-caller, and each\n"
        "                      sends its own 2601 when no answer comes: what is held then becomes one-sided\n"
        "  --platform-caller ID:FILE                              (GATEWAY01:DIR/secrets/platform-token)\n"
        "  --visits N          at least so many; plain out-patients fill up    (120)\n"
        "  --only CASE,...     only these cases\n"
        "  --seed N            another seed, other people and amounts (1)\n"
        "  --traffic FILE      people and bills from a file; `yitong-sandbox traffic` prints one\n"
        "  --threads N         visits at once                     (24)\n"
        "  --timeout-ms N      how long a hospital waits for one answer        (30000)\n"
        "  --budget-ms N       how long it goes on asking          (60000)\n"
        "  --held-ms N         the fault held takes effect so late (2000)\n"
        "  --tolerant          for tests that kill the gateway: only the ledgers decide, not the answers on the way\n"
        "  --alter-fen N       alter a settlement by N fen in each ledger before comparing: must then exit 1\n"
        "  --report FILE       exchanges, cases, one_sided, reversed, resettled, unexpected, differences as JSON\n"
        "  --ledger FILE       the hospitals' ledger as JSON\n"
        "  --quiet             show only visits that went wrong\n"
        "\n"
        "When no answer comes, hospital-one and the clinic send the same message again, hospital-two sends its\n"
        "own 2601 and settles anew; told 已冲正, all of them settle again under a new number.\n"
        "\n"
        "Cases and how many visits each has\n";

static const char other_help[] =
        "yitong-sandbox compare HOSPITALS.json PARTY.json...\n"
        "  Compares the hospitals' ledger (hospitals --ledger) with those of the other side, as many as there are:\n"
        "  platform, hub, province (platform or hub --ledger, or GET /ledger). Prints one_sided, double_bookings\n"
        "  and the differences; exit code 1 if there are any.\n"
        "\n"
        "yitong-sandbox traffic [--seed N] [--visits N]\n"
        "  Prints invented people and bills as a file for `hospitals --traffic`:\n"
        "  {\"people\": [{\"certno\", \"name\", \"insutype\": \"310|390|340\", \"balance\": \"0.00\", "
        "\"civil_servant\": false,\n"
        "               \"insuplc_admdvs\": \"330213\"}],\n"
        "   \"bills\": [[{\"code\", \"name\", \"price\": \"12.50\", \"count\": \"2\"}]]}\n"
        "  certno needs its right check digit; visits take people and bills in turn.\n";

enum option_id {
	OPT_HELP = 'h',
	OPT_ADDRESS = 256,
	OPT_PORT,
	OPT_CONTROL_PORT,
	OPT_EXPIRE,
	OPT_HUB_URL,
	OPT_PROVINCE_URL,
	OPT_INSURER_URL,
	OPT_JINHUI_URL,
	OPT_BANK_URL,
	OPT_INTAKE_URL,
	OPT_CLERK,
	OPT_AWAY_URL,
	OPT_PATH,
	OPT_CERTS,
	OPT_CERT,
	OPT_KEY,
	OPT_CLIENT_CA,
	OPT_NO_CLIENT_CERT,
	OPT_CALLER,
	OPT_REGION,
	OPT_SIGN_CHECK,
	OPT_TOMBSTONE,
	OPT_LEDGER,
	OPT_PEOPLE,
	OPT_PORTS,
	OPT_MTLS_URL,
	OPT_SIGNED_URL,
	OPT_CONTROL_URL,
	OPT_CLINIC,
	OPT_INSTITUTIONS,
	OPT_DIRECT,
	OPT_PLATFORM_CALLER,
	OPT_VISITS,
	OPT_ONLY,
	OPT_SEED,
	OPT_TRAFFIC,
	OPT_THREADS,
	OPT_TIMEOUT,
	OPT_BUDGET,
	OPT_HELD,
	OPT_TOLERANT,
	OPT_ALTER,
	OPT_REPORT,
	OPT_QUIET,
};

int wrong_option(const char *name, const char *value, const char *wanted)
{
	fprintf(stderr, "yitong-sandbox: %s %s: %s\n", name, value, wanted);
	return 2;
}

long long number(const char *name, const char *value, long long from, long long to)
{
	char *end, wanted[80];
	long long got = strtoll(value, &end, 10);

	if (*value != '\0' && *end == '\0' && got >= from && got <= to)
		return got;
	text_format(wanted, sizeof(wanted), "a number from %lld to %lld is needed", from, to);
	exit(wrong_option(name, value, wanted));
}

char *in_folder(const char *folder, const char *name)
{
	static struct kept {
		struct kept *before;
		char path[1024];
	} * last;
	struct kept *kept = must(malloc(sizeof(*kept)));

	kept->before = last;
	last = kept;
	text_format(kept->path, sizeof(kept->path), "%s/%s", folder, name);
	return kept->path;
}

/* The platform. */

static int sign_check_read(const char *value, enum sign_check *out)
{
	static const char *const names[] = { "off", "given", "required" };

	for (size_t i = 0; i < 3; i++) {
		if (strcmp(names[i], value) == 0) {
			*out = (enum sign_check)i;
			return 0;
		}
	}
	return wrong_option("--sign-check", value, "off, given or required is needed");
}

static const struct option platform_options[] = {
	{ "help", no_argument, NULL, OPT_HELP },
	{ "address", required_argument, NULL, OPT_ADDRESS },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "control-port", required_argument, NULL, OPT_CONTROL_PORT },
	{ "path", required_argument, NULL, OPT_PATH },
	{ "certs", required_argument, NULL, OPT_CERTS },
	{ "cert", required_argument, NULL, OPT_CERT },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "client-ca", required_argument, NULL, OPT_CLIENT_CA },
	{ "no-client-cert", no_argument, NULL, OPT_NO_CLIENT_CERT },
	{ "caller", required_argument, NULL, OPT_CALLER },
	{ "region", required_argument, NULL, OPT_REGION },
	{ "sign-check", required_argument, NULL, OPT_SIGN_CHECK },
	{ "tombstone", no_argument, NULL, OPT_TOMBSTONE },
	{ "ledger", required_argument, NULL, OPT_LEDGER },
	{ "ports", required_argument, NULL, OPT_PORTS },
	{ NULL, 0, NULL, 0 },
};

static int platform_option(struct platform_options *options, int option, const char **certs, bool *no_client_cert)
{
	switch (option) {
	case OPT_ADDRESS:
		options->address = optarg;
		return 0;
	case OPT_PORT:
		options->port = (uint16_t)number("--port", optarg, 0, 65535);
		return 0;
	case OPT_CONTROL_PORT:
		options->control_port = (uint16_t)number("--control-port", optarg, 0, 65535);
		return 0;
	case OPT_PATH:
		options->path = optarg;
		return 0;
	case OPT_CERTS:
		*certs = optarg;
		return 0;
	case OPT_CERT:
		options->cert = optarg;
		return 0;
	case OPT_KEY:
		options->key = optarg;
		return 0;
	case OPT_CLIENT_CA:
		options->client_ca = optarg;
		return 0;
	case OPT_NO_CLIENT_CERT:
		*no_client_cert = true;
		return 0;
	case OPT_REGION:
		options->region = optarg;
		return strlen(optarg) == 6 ? 0 : wrong_option("--region", optarg, "six digits are needed");
	case OPT_SIGN_CHECK:
		return sign_check_read(optarg, &options->sign_check);
	case OPT_TOMBSTONE:
		options->tombstone = true;
		return 0;
	case OPT_LEDGER:
		options->ledger_path = optarg;
		return 0;
	case OPT_PORTS:
		options->ports_path = optarg;
		return 0;
	case OPT_CALLER:
		if (options->n_callers == PLATFORM_CALLERS_MAX)
			return wrong_option("--caller", optarg, "at most 16 callers");
		options->callers[options->n_callers++] = optarg;
		return 0;
	default:
		return 2; /* getopt has told what is wrong */
	}
}

static int platform_mode(int argc, char **argv)
{
	/* static, as what its members point to lives until the end of the program */
	static struct platform_options options = { .address = "127.0.0.1",
		.port = 9443,
		.control_port = 9480,
		.path = "/fsi/api/rsfComIfsService/callService",
		.region = "330200",
		.sign_check = SIGN_GIVEN };
	const char *certs = "certs/out";
	bool no_client_cert = false;
	char caller[1100];
	int option, wrong = 0;

	while (wrong == 0 && (option = getopt_long(argc, argv, "h", platform_options, NULL)) != -1) {
		if (option == OPT_HELP)
			return fputs(platform_help, stdout) < 0 || fputs(control_help, stdout) < 0;
		wrong = platform_option(&options, option, &certs, &no_client_cert);
	}
	if (wrong == 0 && optind < argc)
		wrong = wrong_option("argument", argv[optind], "not expected; see --help");
	if (wrong != 0)
		return wrong;
	options.cert = options.cert != NULL ? options.cert : in_folder(certs, "platform.crt");
	options.key = options.key != NULL ? options.key : in_folder(certs, "platform.key");
	options.client_ca = no_client_cert              ? NULL
	                    : options.client_ca != NULL ? options.client_ca
	                                                : in_folder(certs, "ca.crt");
	if (options.n_callers == 0) {
		text_format(caller, sizeof(caller), "GATEWAY01:%s/secrets/platform-token", certs);
		options.callers[options.n_callers++] = caller;
	}
	return platform_main(&options);
}

/* The hospitals. */

static const struct option hospitals_options[] = {
	{ "help", no_argument, NULL, OPT_HELP },
	{ "mtls-url", required_argument, NULL, OPT_MTLS_URL },
	{ "signed-url", required_argument, NULL, OPT_SIGNED_URL },
	{ "control-url", required_argument, NULL, OPT_CONTROL_URL },
	{ "hub-control-url", required_argument, NULL, OPT_HUB_URL },
	{ "province-control-url", required_argument, NULL, OPT_PROVINCE_URL },
	{ "insurer-control-url", required_argument, NULL, OPT_INSURER_URL },
	{ "jinhui-control-url", required_argument, NULL, OPT_JINHUI_URL },
	{ "bank-control-url", required_argument, NULL, OPT_BANK_URL },
	{ "intake-url", required_argument, NULL, OPT_INTAKE_URL },
	{ "clerk", required_argument, NULL, OPT_CLERK },
	{ "from-hub-url", required_argument, NULL, OPT_AWAY_URL },
	{ "certs", required_argument, NULL, OPT_CERTS },
	{ "clinic", required_argument, NULL, OPT_CLINIC },
	{ "institutions", required_argument, NULL, OPT_INSTITUTIONS },
	{ "direct", required_argument, NULL, OPT_DIRECT },
	{ "platform-caller", required_argument, NULL, OPT_PLATFORM_CALLER },
	{ "visits", required_argument, NULL, OPT_VISITS },
	{ "only", required_argument, NULL, OPT_ONLY },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "traffic", required_argument, NULL, OPT_TRAFFIC },
	{ "threads", required_argument, NULL, OPT_THREADS },
	{ "timeout-ms", required_argument, NULL, OPT_TIMEOUT },
	{ "budget-ms", required_argument, NULL, OPT_BUDGET },
	{ "held-ms", required_argument, NULL, OPT_HELD },
	{ "tolerant", no_argument, NULL, OPT_TOLERANT },
	{ "alter-fen", required_argument, NULL, OPT_ALTER },
	{ "report", required_argument, NULL, OPT_REPORT },
	{ "ledger", required_argument, NULL, OPT_LEDGER },
	{ "people-ready", required_argument, NULL, OPT_PEOPLE },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ NULL, 0, NULL, 0 },
};

struct hospitals_settings { /* what becomes the three origins */
	const char *mtls_url, *signed_url, *direct_url, *certs, *clinic, *platform_caller;
	const char *institutions, *away_url;
};

static bool hospitals_text_option(struct hospitals_options *o, struct hospitals_settings *s, int option)
{
	const struct {
		int option;
		const char **to;
	} texts[] = { { OPT_MTLS_URL, &s->mtls_url }, { OPT_SIGNED_URL, &s->signed_url },
		{ OPT_DIRECT, &s->direct_url }, { OPT_CERTS, &s->certs }, { OPT_CLINIC, &s->clinic },
		{ OPT_PLATFORM_CALLER, &s->platform_caller }, { OPT_INSTITUTIONS, &s->institutions },
		{ OPT_CONTROL_URL, &o->control_url }, { OPT_HUB_URL, &o->hub_url },
		{ OPT_PROVINCE_URL, &o->province_url }, { OPT_INSURER_URL, &o->insurer_url },
		{ OPT_JINHUI_URL, &o->jinhui_url }, { OPT_BANK_URL, &o->bank_url }, { OPT_INTAKE_URL, &o->intake_url },
		{ OPT_CLERK, &o->clerk }, { OPT_AWAY_URL, &s->away_url }, { OPT_ONLY, &o->only },
		{ OPT_TRAFFIC, &o->traffic_path }, { OPT_REPORT, &o->report_path }, { OPT_LEDGER, &o->ledger_path },
		{ OPT_PEOPLE, &o->people_path } };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (texts[i].option != option)
			continue;
		*texts[i].to = optarg;
		return true;
	}
	return false;
}

static int hospitals_option(struct hospitals_options *o, struct hospitals_settings *s, int option)
{
	if (hospitals_text_option(o, s, option))
		return 0;
	if (option == OPT_VISITS)
		o->visits = (long)number("--visits", optarg, 1, 100000);
	else if (option == OPT_SEED)
		o->seed = (uint64_t)number("--seed", optarg, 0, INT64_MAX);
	else if (option == OPT_THREADS)
		o->threads = (int)number("--threads", optarg, 1, 512);
	else if (option == OPT_TIMEOUT)
		o->timeout_ms = number("--timeout-ms", optarg, 10, 600000);
	else if (option == OPT_BUDGET)
		o->budget_ms = number("--budget-ms", optarg, 10, 3600000);
	else if (option == OPT_HELD)
		o->held_ms = number("--held-ms", optarg, 0, 600000);
	else if (option == OPT_ALTER)
		o->alter_fen = number("--alter-fen", optarg, -1000000000, 1000000000);
	else if (option == OPT_TOLERANT)
		o->is_tolerant = true;
	else if (option == OPT_QUIET)
		o->is_quiet = true;
	else
		return 2; /* getopt has told what is wrong */
	return 0;
}

static int signs_as(struct origin *origin, const char *caller)
{
	const char *colon = strchr(caller, ':');

	if (colon == NULL)
		return wrong_option("caller", caller, "ID:FILE is needed");
	origin->sign_token = secret_read(colon + 1);
	origin->sign_id = text_copy(caller);
	*strchr((char *)(uintptr_t)origin->sign_id, ':') = '\0';
	return origin->sign_token == NULL ? 2 : 0;
}

static int origins_fill(struct origin *origins, const struct hospitals_settings *s)
{
	static const char *const names[] = { "hospital-one", "hospital-two", "clinic" };
	static const char *const institution_names[] = { "示例市第一医院", "示例市第二医院", "示例社区诊所" };
	static const char *const certs[] = { "hospital-one", "hospital-two", "clinic" };
	static char *codes; /* the origins point into it */
	char *rest = NULL, *code = strtok_r(codes = text_copy(s->institutions), ",", &rest), file[64];
	bool is_direct = s->direct_url != NULL;

	for (size_t i = 0; i < ORIGINS_MAX; i++, code = strtok_r(NULL, ",", &rest)) {
		struct origin *origin = &origins[i];
		const char *cert = i == 2 && is_direct ? certs[0] : certs[i];

		if (code == NULL || strlen(code) != 12)
			return wrong_option(
			        "--institutions", s->institutions, "three codes of 12 characters are needed");
		*origin = (struct origin){ .name = names[i],
			.institution = code,
			.institution_name = institution_names[i],
			.area = "330213",
			.opter = "S0007",
			.policy = i == 1 || is_direct ? POLICY_OWN_2601 : POLICY_ASK_AGAIN,
			.url = is_direct ? s->direct_url
			       : i == 2  ? s->signed_url
			                 : s->mtls_url,
			.ca = in_folder(s->certs, "ca.crt"),
			.signs_in = is_direct || i != 2,
			.serial = (unsigned)(clock_wall_ms() % 8999) };
		pthread_mutex_init(&origin->lock, NULL);
		pthread_mutex_init(&origin->sign_lock, NULL);
		text_format(file, sizeof(file), "%s.crt", cert);
		origin->cert = in_folder(s->certs, file);
		text_format(file, sizeof(file), "%s.key", cert);
		origin->key = in_folder(s->certs, file);
		if (is_direct ? signs_as(origin, s->platform_caller) != 0 : i == 2 && signs_as(origin, s->clinic) != 0)
			return 2;
	}
	return 0;
}

/* The hospital in Shanghai: the hub speaks for it. */
static struct origin *away_fill(const struct hospitals_settings *s)
{
	static struct origin away; /* likewise */

	away = (struct origin){ .name = "away",
		.institution = "H31011500001",
		.institution_name = "示例市东方医院",
		.area = "310000",
		.opter = "S0007",
		.url = s->away_url,
		.ca = in_folder(s->certs, "ca.crt"),
		.cert = in_folder(s->certs, "hub-client.crt"),
		.key = in_folder(s->certs, "hub-client.key") };
	pthread_mutex_init(&away.lock, NULL);
	return &away;
}

static int hospitals_mode(int argc, char **argv)
{
	struct hospitals_settings s = { .mtls_url = "https://127.0.0.1:8443/fsi/api/rsfComIfsService/callService",
		.signed_url = "https://127.0.0.1:8444/fsi/api/rsfComIfsService/callService",
		.certs = "certs/out",
		.away_url = "https://127.0.0.1:8445/ksbw",
		.institutions = "H33021399901,H33021399902,H33021399903" };
	struct hospitals_options options = { .control_url = "http://127.0.0.1:9480",
		.intake_url = "https://127.0.0.1:8446/intake",
		.seed = 1,
		.visits = 120,
		.threads = 24,
		.timeout_ms = 30000,
		.budget_ms = 60000,
		.held_ms = 2000 };
	static struct origin origins[ORIGINS_MAX]; /* likewise */
	char clinic[1100], caller[1100];
	int option, wrong = 0;

	while (wrong == 0 && (option = getopt_long(argc, argv, "h", hospitals_options, NULL)) != -1) {
		if (option == OPT_HELP) {
			fputs(hospitals_help, stdout);
			cases_print();
			return 0;
		}
		wrong = hospitals_option(&options, &s, option);
	}
	if (wrong == 0 && optind < argc)
		wrong = wrong_option("argument", argv[optind], "not expected; see --help");
	text_format(clinic, sizeof(clinic), "CLINIC01:%s/secrets/clinic-token", s.certs);
	text_format(caller, sizeof(caller), "GATEWAY01:%s/secrets/platform-token", s.certs);
	s.clinic = s.clinic == NULL ? clinic : s.clinic;
	s.platform_caller = s.platform_caller == NULL ? caller : s.platform_caller;
	if (wrong == 0)
		wrong = origins_fill(origins, &s);
	if (wrong != 0)
		return wrong;
	options.origins = origins;
	options.away = away_fill(&s);
	options.keys = in_folder(s.certs, "sm2");
	options.certs = s.certs;
	options.is_direct = s.direct_url != NULL;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	wrong = hospitals_main(&options);
	curl_global_cleanup();
	return wrong;
}

static int traffic_mode(int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, OPT_HELP },
		{ "seed", required_argument, NULL, OPT_SEED }, { "visits", required_argument, NULL, OPT_VISITS },
		{ NULL, 0, NULL, 0 } };
	uint64_t seed = 1;
	size_t n_visits = 120;
	struct traffic traffic;
	json_t *tree;
	char *text;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == OPT_HELP)
			return fputs(other_help, stdout) < 0;
		if (option == OPT_SEED)
			seed = (uint64_t)number("--seed", optarg, 0, INT64_MAX);
		else if (option == OPT_VISITS)
			n_visits = (size_t)number("--visits", optarg, 1, 999);
		else
			return 2;
	}
	traffic_invent(&traffic, seed, n_visits, n_visits / 3, n_visits / 2);
	tree = traffic_json(&traffic);
	text = must(json_dumps(tree, JSON_INDENT(1)));
	puts(text);
	free(text);
	json_decref(tree);
	traffic_free(&traffic);
	return 0;
}

static int hub_mode(int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, OPT_HELP },
		{ "address", required_argument, NULL, OPT_ADDRESS }, { "port", required_argument, NULL, OPT_PORT },
		{ "control-port", required_argument, NULL, OPT_CONTROL_PORT },
		{ "expire-s", required_argument, NULL, OPT_EXPIRE }, { "certs", required_argument, NULL, OPT_CERTS },
		{ "ledger", required_argument, NULL, OPT_LEDGER }, { "ports", required_argument, NULL, OPT_PORTS },
		{ NULL, 0, NULL, 0 } };
	struct hub_options hub = { .address = "127.0.0.1", .port = 9444, .control_port = 9481, .expire_s = 30 };
	const char *certs = "certs/out";
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == OPT_HELP)
			return fputs(hub_help, stdout) < 0;
		if (option == OPT_ADDRESS)
			hub.address = optarg;
		else if (option == OPT_PORT)
			hub.port = (uint16_t)number("--port", optarg, 0, 65535);
		else if (option == OPT_CONTROL_PORT)
			hub.control_port = (uint16_t)number("--control-port", optarg, 0, 65535);
		else if (option == OPT_EXPIRE)
			hub.expire_s = (int)number("--expire-s", optarg, 1, 3600);
		else if (option == OPT_CERTS)
			certs = optarg;
		else if (option == OPT_LEDGER)
			hub.ledger_path = optarg;
		else if (option == OPT_PORTS)
			hub.ports_path = optarg;
		else
			return 2;
	}
	hub.cert = in_folder(certs, "hub.crt");
	hub.key = in_folder(certs, "hub.key");
	hub.client_ca = in_folder(certs, "ca.crt");
	hub.keys_folder = in_folder(certs, "sm2");
	return hub_main(&hub);
}

static int run(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (strcmp(mode, "platform") == 0)
		return platform_mode(argc - 1, argv + 1);
	if (strcmp(mode, "hub") == 0)
		return hub_mode(argc - 1, argv + 1);
	if (strcmp(mode, "insurer") == 0)
		return insurer_mode(argc - 1, argv + 1);
	if (strcmp(mode, "bank") == 0)
		return bank_mode(argc - 1, argv + 1);
	if (strcmp(mode, "hospitals") == 0)
		return hospitals_mode(argc - 1, argv + 1);
	if (strcmp(mode, "traffic") == 0)
		return traffic_mode(argc - 1, argv + 1);
	if (strcmp(mode, "compare") == 0 && argc >= 4)
		return compare_main(argv[2], argv + 3, argc - 3);
	if (strcmp(mode, "compare") == 0)
		return fputs(other_help, stdout) < 0 || argc != 3 || strcmp(argv[2], "--help") != 0 ? 2 : 0;
	if (strcmp(mode, "--help") == 0 || strcmp(mode, "-h") == 0)
		return fputs(help, stdout) < 0;
	if (strcmp(mode, "--version") == 0)
		return printf("yitong-sandbox %s\n", YT_VERSION) < 0;
	fprintf(stderr,
	        "yitong-sandbox: %s%s\nyitong-sandbox: modes are platform, hub, insurer, bank, hospitals, compare, traffic; see --help\n",
	        *mode == '\0' ? "no mode given" : "unknown mode ", mode);
	return 2;
}

int main(int argc, char **argv)
{
	int rv = run(argc, argv);
	bool has_failed = ferror(stdout) != 0;

	if (fclose(stdout) == 0 && !has_failed)
		return rv;
	perror("yitong-sandbox: the output could not be written");
	return 2;
}
