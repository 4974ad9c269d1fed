/* sandbox/main.c - the command yitong-sandbox: its modes; here the options and help of those that no file of their own
 * has (bank_options.c, insurer_options.c, platform_options.c). */
#include "cases.h"
#include "compare.h"
#include "hub.h"
#include "options.h"
#include "people.h"
#include "text.h"

#include <curl/curl.h>
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

/* The hospitals. */

struct hospitals_settings { /* what becomes the three origins */
	const char *mtls_url, *signed_url, *direct_url, *certs, *clinic, *platform_caller;
	const char *institutions, *away_url;
};

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
	static struct hospitals_settings s = { .mtls_url =
		                                       "https://127.0.0.1:8443/fsi/api/rsfComIfsService/callService",
		.signed_url = "https://127.0.0.1:8444/fsi/api/rsfComIfsService/callService",
		.certs = "certs/out",
		.away_url = "https://127.0.0.1:8445/ksbw",
		.institutions = "H33021399901,H33021399902,H33021399903" };
	static struct hospitals_options o = { .control_url = "http://127.0.0.1:9480",
		.intake_url = "https://127.0.0.1:8446/intake",
		.seed = 1,
		.visits = 120,
		.threads = 24,
		.timeout_ms = 30000,
		.budget_ms = 60000,
		.held_ms = 2000 };
	static struct origin origins[ORIGINS_MAX];
	static const struct mode_option options[] = {
		{ "mtls-url", .text = &s.mtls_url },
		{ "signed-url", .text = &s.signed_url },
		{ "control-url", .text = &o.control_url },
		{ "hub-control-url", .text = &o.hub_url },
		{ "province-control-url", .text = &o.province_url },
		{ "insurer-control-url", .text = &o.insurer_url },
		{ "jinhui-control-url", .text = &o.jinhui_url },
		{ "bank-control-url", .text = &o.bank_url },
		{ "intake-url", .text = &o.intake_url },
		{ "clerk", .text = &o.clerk },
		{ "from-hub-url", .text = &s.away_url },
		{ "certs", .text = &s.certs },
		{ "clinic", .text = &s.clinic },
		{ "institutions", .text = &s.institutions },
		{ "direct", .text = &s.direct_url },
		{ "platform-caller", .text = &s.platform_caller },
		{ "visits", .number = &o.visits, 1, 100000 },
		{ "only", .text = &o.only },
		{ "seed", .number = &o.seed, 0, INT64_MAX },
		{ "traffic", .text = &o.traffic_path },
		{ "threads", .number = &o.threads, 1, 512 },
		{ "timeout-ms", .number = &o.timeout_ms, 10, 600000 },
		{ "budget-ms", .number = &o.budget_ms, 10, 3600000 },
		{ "held-ms", .number = &o.held_ms, 0, 600000 },
		{ "tolerant", .flag = &o.is_tolerant },
		{ "alter-fen", .number = &o.alter_fen, -1000000000, 1000000000 },
		{ "report", .text = &o.report_path },
		{ "ledger", .text = &o.ledger_path },
		{ "people-ready", .text = &o.people_path },
		{ "quiet", .flag = &o.is_quiet },
		{ NULL },
	};
	enum options_read read = options_read(argc, argv, options);
	char clinic[1100], caller[1100];
	int code;

	if (read == OPTIONS_HELP) {
		fputs(hospitals_help, stdout);
		cases_print();
		return 0;
	}
	if (read != OPTIONS_GO_ON)
		return read;
	text_format(clinic, sizeof(clinic), "CLINIC01:%s/secrets/clinic-token", s.certs);
	text_format(caller, sizeof(caller), "GATEWAY01:%s/secrets/platform-token", s.certs);
	s.clinic = s.clinic == NULL ? clinic : s.clinic;
	s.platform_caller = s.platform_caller == NULL ? caller : s.platform_caller;
	code = origins_fill(origins, &s);
	if (code != 0)
		return code;
	o.origins = origins;
	o.away = away_fill(&s);
	o.keys = in_folder(s.certs, "sm2");
	o.certs = s.certs;
	o.is_direct = s.direct_url != NULL;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	code = hospitals_main(&o);
	curl_global_cleanup();
	return code;
}

static int traffic_mode(int argc, char **argv)
{
	static int64_t seed = 1, n_visits = 120;
	static const struct mode_option options[] = { { "seed", .number = &seed, 0, INT64_MAX },
		{ "visits", .number = &n_visits, 1, 999 }, { NULL } };
	enum options_read read = options_read(argc, argv, options);
	struct traffic traffic;
	json_t *tree;
	char *text;

	if (read == OPTIONS_HELP)
		return fputs(other_help, stdout) < 0;
	if (read != OPTIONS_GO_ON)
		return read;
	traffic_invent(&traffic, (uint64_t)seed, (size_t)n_visits, (size_t)n_visits / 3, (size_t)n_visits / 2);
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
	static struct hub_options hub = { .address = "127.0.0.1", .port = 9444, .control_port = 9481 };
	static const char *certs = "certs/out";
	static int64_t expire_s = 30;
	static const struct mode_option options[] = { { "address", .text = &hub.address },
		{ "port", .port = &hub.port }, { "control-port", .port = &hub.control_port },
		{ "expire-s", .number = &expire_s, 1, 3600 }, { "certs", .text = &certs },
		{ "ledger", .text = &hub.ledger_path }, { "ports", .text = &hub.ports_path }, { NULL } };
	enum options_read read = options_read(argc, argv, options);

	if (read == OPTIONS_HELP)
		return fputs(hub_help, stdout) < 0;
	if (read != OPTIONS_GO_ON)
		return read;
	hub.expire_s = (int)expire_s;
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
