/* tests/test_conf.c - a configuration that is wrong is refused with the place, the fault and the way out. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/engine.h"
#include "process/conf.h"

/* Line numbers in the rows below are of this text. */
/* clang-format off */
static const char good[] =
	"gateway:\n"                                  /* 1 */
	"  profile: development\n"
	"  workers: 2\n"
	"journal:\n"
	"  segment_mib: 16\n"                         /* 5 */
	"limits:\n"
	"  body_kib: 1024\n"
	"listeners:\n"
	"  - name: hospitals\n"
	"    kind: mtls\n"                            /* 10 */
	"    address: 127.0.0.1\n"
	"    port: 8443\n"
	"    format: nhsa\n"
	"    cert: gateway.crt\n"
	"    key: gateway.key\n"                      /* 15 */
	"    client_ca: ca.crt\n"
	"  - name: hospitals-signed\n"
	"    kind: signed\n"
	"    address: 127.0.0.1\n"
	"    port: 8444\n"                            /* 20 */
	"    format: nhsa\n"
	"    cert: gateway.crt\n"
	"    key: gateway.key\n"
	"secrets:\n"
	"  clinic-token: clinic-token\n"              /* 25 */
	"parties:\n"
	"  - name: zhejiang\n"
	"    format: nhsa\n"
	"    url: https://127.0.0.1:9443/fsi/api\n"
	"    ca: ca.crt\n"                            /* 30 */
	"    change_timeout_ms: 120000\n"
	"    settings: { paasid: GATEWAY01 }\n"
	"origins:\n"
	"  - name: hospital-one\n"
	"    subject: hospital-one\n"                 /* 35 */
	"    institutions: [H33021399901]\n"
	"    timeout_ms: 180000\n"
	"  - name: clinic\n"
	"    caller: CLINIC01\n"
	"    key: clinic-token\n"                     /* 40 */
	"    institutions: [H33021399902]\n"
	"institutions:\n"
	"  - code: H33021399901\n"
	"    name: 示例市第一医院\n"
	"    area: \"330213\"\n"                      /* 45 */
	"    operator: YT9001\n"
	"  - code: H33021399902\n"
	"    name: 示例社区诊所\n"
	"    area: \"330213\"\n"
	"    operator: YT9001\n"                      /* 50 */
	"numbers:\n"
	"  serial_from: 9000\n"
	"resolution:\n"
	"  retry_ms: 5000\n"
	"routes:\n"                                   /* 55 */
	"  - name: everything\n"
	"    to: zhejiang\n";

#define SECOND "kind: signed\n    address: 127.0.0.1\n    port: 8444\n    format: nhsa\n    cert: gateway.crt\n    key: gateway.key\n"
#define FOLDER(more) "kind: folder\n    format: nhsa\n    " more "\n"

/* clang-format on */
/* clang-format off */
static const struct bad_case {
	const char *it;         /* "a configuration with ..." */
	const char *from, *to;  /* in the good text; from NULL: to is added at its end */
	const char *want;       /* "line:column: level: " and the words that must follow somewhere */
	const char *words;
} bad_cases[] = {
	{ "an unknown key", "workers: 2", "workes: 2", "3:3: error: ", "\"workes\" in gateway: did you mean \"workers\"?" },
	{ "a key nobody knows", "workers: 2", "colour: red", "3:3: error: ", "yitong check --keys" },
	{ "an unknown section", "numbers:", "nubmers:", "51:1: error: ", "at the top: did you mean \"numbers\"?" },
	{ "text for a number", "workers: 2", "workers: two", "3:12: error: ", "whole number" },
	{ "a number in quotes", "workers: 2", "workers: \"2\"", "3:12: error: ", "without quotes" },
	{ "a number with a unit", "change_timeout_ms: 120000", "change_timeout_ms: 120s", "31:24: error: ",
		"whole number of ms" },
	{ "a negative number", "workers: 2", "workers: -2", "3:12: error: ", "without quotes, sign" },
	{ "a number that is too large", "workers: 2", "workers: 65", "3:12: error: ", "out of range: 65; allowed is 1 to 64" },
	{ "a number that is far too large", "workers: 2", "workers: 99999999999999999999", "3:12: error: ", "out of range" },
	{ "a list for a number", "workers: 2", "workers: [2]", "3:12: error: ", "must be a single value, not a list" },
	{ "an empty value", "workers: 2", "workers:", "3:11: error: ", "whole number" },
	{ "a wrong word", "profile: development", "profile: test", "2:12: error: ", "one of: development production" },
	{ "a wrong unknown_style", "    timeout_ms: 180000", "    unknown_style: lie", "37:20: error: ",
		"one of: hold silence" },
	{ "a missing key", "    format: nhsa\n    url", "    url", "27:5: error: ", "parties lacks \"format\"" },
	{ "a missing section", "routes:\n  - name: everything\n    to: zhejiang\n", "", "error: ", "routes is missing" },
	{ "an empty list of origins", "origins:\n", "origins: []\nlimits2:\n", "33:10: error: ", "origins is missing" },
	{ "a section of the wrong kind", "numbers:\n  serial_from: 9000", "numbers: 5", "51:10: error: ",
		"must be a group of keys" },
	{ "an entry that is no group", "  - name: everything\n    to: zhejiang", "  - zhejiang", "56:5: error: ",
		"must be a group of keys" },
	{ "a door without an address", "    address: 127.0.0.1\n    port: 8444", "    port: 8444", "17:5: error: ",
		"listeners lacks \"address\"" },
	{ "a door without a port", "    port: 8444\n", "", "17:5: error: ", "listeners lacks \"port\"" },
	{ "a door with a path of files", "    port: 8444", "    port: 8444\n    path: .", "17:5: error: ",
		"path goes with kind folder" },
	{ "a folder that listens", SECOND, FOLDER("path: .\n    origin: clinic\n    address: 127.0.0.1\n    port: 1"), "17:5: error: ",
		"hospitals-signed is a folder, nothing connects to it: remove address" },
	{ "a folder without a path", SECOND, FOLDER("origin: clinic"), "17:5: error: ", "is a folder and needs path" },
	{ "a folder that is not there", SECOND, FOLDER("path: none\n    origin: clinic"), "20:11: error: ",
		"cannot find \"none\"" },
	{ "a folder of nobody", SECOND, FOLDER("path: ."), "17:5: error: ", "is a folder and needs origin" },
	{ "a folder of a stranger", SECOND, FOLDER("path: .\n    origin: bank"), "17:5: error: ",
		"no origin is called \"bank\"" },
	{ "a folder with too many files", SECOND, FOLDER("path: .\n    origin: clinic\n    files: 257"), "22:12: error: ",
		"allowed is 1 to 256" },
	{ "an origin that nothing says who it is", "    caller: CLINIC01\n    key: clinic-token\n", "", "38:5: error: ",
		"an origin needs subject" },
	{ "a key given twice", "workers: 2", "workers: 2\n  workers: 3", "4:3: error: ", "given twice: it stands on line 3" },
	{ "a section given twice", NULL, "numbers: {}\n", "58:1: error: ", "given twice: it stands on line 51" },
	{ "a name used twice", "name: hospitals-signed", "name: hospitals", "17:5: error: ",
		"listener \"hospitals\" is there twice: the first is on line 9" },
	{ "a subject used twice", "caller: CLINIC01\n    key: clinic-token", "subject: hospital-one", "38:5: error: ",
		"subject \"hospital-one\" is there twice" },
	{ "an institution used twice", "code: H33021399902", "code: H33021399901", "47:5: error: ",
		"institution \"H33021399901\" is there twice" },
	{ "an institution named twice by an origin", "[H33021399901]", "[H33021399901, H33021399901]", "34:5: error: ",
		"is there twice" },
	{ "a bad name", "name: zhejiang", "name: Zhe Jiang", "27:11: error: ", "a-z, 0-9 or -" },
	{ "a route to nobody", "to: zhejiang", "to: zhejang", "56:5: error: ", "did you mean \"zhejiang\"?" },
	{ "a route to nobody at all", "to: zhejiang", "to: x", "56:5: error: ", "add it to parties" },
	{ "a route for an operation that there is not", "to: zhejiang", "to: zhejiang\n    operations: [outpatient.setle]", "56:5: error: ",
		"no operation \"outpatient.setle\": did you mean \"outpatient.settle\"?" },
	{ "a route for a relation that there is not", "to: zhejiang", "to: zhejiang\n    relation: [abroad]", "56:5: error: ",
		"cross-province or unknown, not \"abroad\"" },
	{ "a listener's path that is none", "    kind: mtls", "    kind: mtls\n    paths: [/a, fsi/api]", "11:17: error: ",
		"must hold paths that begin with /" },
	{ "a listener's path with a query", "    kind: mtls", "    kind: mtls\n    paths: [\"/a?b\"]", "11:13: error: ", "nor ? or #" },
	{ "a listener without paths that says so", "    kind: mtls", "    kind: mtls\n    paths: []", "11:12: error: ", "leave the key out" },
	{ "a route for an unknown listener", "to: zhejiang", "to: zhejiang\n    listeners: [front-door]", "56:5: error: ",
		"listeners: there is no \"front-door\"" },
	{ "a route for an unknown origin", "to: zhejiang", "to: zhejiang\n    origins: [nobody]", "56:5: error: ",
		"origins: there is no \"nobody\"" },
	{ "a route with too many fields", "to: zhejiang", "to: zhejiang\n    fields: {a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1, i: 1}",
		"56:5: error: ", "fields: more than 8" },
	{ "a route with a word that is none", "to: zhejiang", "to: zhejiang\n    operations: [\"a b\"]", "58:18: error: ",
		"must hold words" },
	{ "a route to nobody in particular", "    to: zhejiang\n", "", "56:5: error: ", "give one of the two" },
	{ "a route to a party and by a flow", "to: zhejiang", "to: zhejiang\n    flow: admit", "56:5: error: ", "give one of the two" },
	{ "a route by an unknown flow", "to: zhejiang", "flow: admit\n    operations: [inpatient.admit]", "56:5: error: ",
		"unknown flow \"admit\": add it to flows" },
	{ "a flow of no steps", NULL, "flows:\n  - name: admit\n    steps: []\n", "error: ", "steps" },
	{ "a route by a flow of one step", "to: zhejiang", "flow: admit\n    operations: [inpatient.admit]\nflows:\n  - name: admit\n    steps: [zhejiang]",
		"56:5: error: ", "flow admit has one step: route to its party" },
	{ "a quote of nobody", "to: zhejiang", "to: zhejiang\n    quote: zhejang\ncases:\n  facts: [same-city]", "56:5: error: ",
		"quote of unknown party \"zhejang\": did you mean \"zhejiang\"?" },
	{ "a quote of no facts", "to: zhejiang", "to: zhejiang\n    quote: zhejiang", "56:5: error: ", "`quote` needs the facts" },
	{ "a quote about no pre-settlement", "to: zhejiang",
		"to: zhejiang\n    operations: [inpatient.admit]\n    quote: zhejiang\ncases:\n  facts: [same-city]", "56:5: error: ",
		"`quote` is about pre-settlements" },
	{ "a decision of nobody", "to: zhejiang", "to: zhejiang\n    one_stop: zhejang\ncases:\n  facts: [same-city]", "56:5: error: ",
		"one_stop of unknown party \"zhejang\": did you mean \"zhejiang\"?" },
	{ "a decision of whom persons are paid by", "to: zhejiang", "to: zhejiang\n    one_stop: zhejiang\ncases:\n  facts: [same-city]",
		"56:5: error: ", "one_stop: zhejiang pays persons: only what goes to the institution" },
	{ "a decision of no claim", "to: zhejiang", "to: zhejiang\n    one_stop: zhejiang\ncases:\n  facts: [same-city]",
		"56:5: error: ", "give `then` a flow with the step zhejiang:claim.submit" },
	{ "a decision about no claim", "to: zhejiang", "to: zhejiang\n    one_stop: zhejiang\n    then: ask\ncases:\n  facts: [same-city]\n"
		"flows:\n  - name: ask\n    steps: [\"!zhejiang:claim.query\"]", "56:5: error: ",
		"give `then` a flow with the step zhejiang:claim.submit" },
	{ "a decision while a flow is under way", "to: zhejiang", "flow: admit\n    operations: [inpatient.settle]\n    one_stop: zhejiang\n"
		"cases:\n  facts: [same-city]\nflows:\n  - name: admit\n    steps: [zhejiang, zhejiang]", "56:5: error: ", "`one_stop` needs `to`" },
	{ "what follows is not there", "to: zhejiang", "to: zhejiang\n    then: claim\ncases:\n  facts: [same-city]", "56:5: error: ",
		"unknown flow \"claim\": add it to flows" },
	{ "something follows, of no facts", "to: zhejiang", "to: zhejiang\n    then: claim\nflows:\n  - name: claim\n    steps: [\"zhejiang:person.check\"]",
		"56:5: error: ", "needs the facts of its cases" },
	{ "what follows from no settlement", "to: zhejiang",
		"to: zhejiang\n    operations: [inpatient.admit]\n    then: claim\ncases:\n  facts: [same-city]\nflows:\n  - name: claim\n    steps: [\"zhejiang:person.check\"]",
		"56:5: error: ", "this route serves none" },
	{ "what follows, and is answered too", "to: zhejiang",
		"to: zhejiang\n    then: claim\n  - name: other\n    flow: claim\n    operations: [inpatient.admit]\ncases:\n  facts: [same-city]\nflows:\n  - name: claim\n    steps: [\"zhejiang:person.check?!a\", \"zhejiang:person.check\"]",
		"error: ", "may be left out" },
	{ "what follows has nothing to pass on", "to: zhejiang",
		"to: zhejiang\n    then: claim\ncases:\n  facts: [same-city]\nflows:\n  - name: claim\n    steps: [zhejiang]", "56:5: error: ",
		"step 1 of flow claim names no operation" },
	{ "a flow with an unknown party", NULL, "flows:\n  - name: admit\n    steps: [zhejiang, hub]\n", "59:5: error: ",
		"step 2, \"hub\": there is no party \"hub\"" },
	{ "a flow with a party's name mistyped", NULL, "flows:\n  - name: admit\n    steps: [zhejiang, zhejaing]\n", "59:5: error: ",
		"there is no party \"zhejaing\": did you mean \"zhejiang\"?" },
	{ "a flow with an operation's name mistyped", NULL,
		"flows:\n  - name: admit\n    steps: [zhejiang, \"zhejiang:inpatient.adimt\"]\n", "59:5: error: ",
		"there is no operation \"inpatient.adimt\": did you mean \"inpatient.admit\"?" },
	{ "a flow with an unknown operation", NULL, "flows:\n  - name: admit\n    steps: [zhejiang, \"zhejiang:go\"]\n", "59:5: error: ",
		"there is no operation \"go\"" },
	{ "a flow without its answer", NULL, "flows:\n  - name: admit\n    steps: [zhejiang, zhejiang]\n    answer: 3\n", "59:5: error: ",
		"step 3 is not there" },
	{ "a flow whose answer is out of range", NULL, "flows:\n  - name: admit\n    steps: [zhejiang, zhejiang]\n    answer: 9\n", "61:13: error: ",
		"answer is out of range: 9" },
	{ "a flow whose answer may be left out", NULL, "flows:\n  - name: admit\n    steps: [\"zhejiang?a\", zhejiang]\n", "59:5: error: ",
		"may be left out" },
	{ "a flow whose answer may be without its fact", NULL, "flows:\n  - name: admit\n    steps: [\"zhejiang?!a\", zhejiang]\n", "59:5: error: ",
		"may be left out" },
	{ "a flow whose answer may be of another value", NULL, "flows:\n  - name: admit\n    steps: [\"zhejiang?a=B\", zhejiang]\n",
		"59:5: error: ", "may be left out" },
	{ "a condition without its value", NULL, "flows:\n  - name: admit\n    steps: [zhejiang, \"zhejiang?a=\"]\n", "59:5: error: ",
		"a condition is ?fact, ?!fact or ?fact=VALUE" },
	{ "a condition without its fact", NULL, "flows:\n  - name: admit\n    steps: [zhejiang, \"zhejiang?=B\"]\n", "59:5: error: ",
		"a condition is ?fact" },
	{ "a condition of two kinds", NULL, "flows:\n  - name: admit\n    steps: [zhejiang, \"zhejiang?!a=B\"]\n", "59:5: error: ",
		"a condition is ?fact" },
	{ "a result of no list", NULL, "  - name: r\n    operations: [pay.order]\n    then: f\n    result: g\nflows:\n  - {name: f, steps: [\"zhejiang:pay.order\"]}\n  - {name: g, steps: [\"zhejiang:pay.batch.result\"]}\n", "error: ",
		"`result` tells what became of a list" },
	{ "a result that tells nothing of a list", NULL, "  - name: r\n    operations: [pay.batch]\n    then: f\n    result: f\nflows:\n  - {name: f, steps: [\"zhejiang:pay.order\"]}\n", "error: ",
		"must have one step, PARTY:pay.batch.result" },
	{ "a payer at no party", NULL, "payers:\n  - {name: p, party: zhejaing, pay_type: IN, account: \"6001\", account_name: fund}\n", "error: ",
		"party: there is no party \"zhejaing\": did you mean" },
	{ "a payer of no insurer", NULL, "payers:\n  - {name: p, party: zhejiang, pay_type: IN, account: \"6001\", account_name: fund, insurer: nobody}\n", "error: ",
		"insurer: there is no party" },
	{ "a payer with a mistyped line number", NULL, "payers:\n  - {name: p, party: zhejiang, pay_type: IN, account: \"6001\", account_name: fund, bank_no: \"313332099027\"}\n", "error: ",
		"bank_no must be a line number" },
	{ "a payer with no account", NULL, "payers:\n  - {name: p, party: zhejiang, pay_type: IN, account: \"60-01\", account_name: fund}\n", "error: ",
		"account must be of letters and digits" },
	{ "a payer with no amount", NULL, "payers:\n  - {name: p, party: zhejiang, pay_type: IN, account: \"6001\", account_name: fund, order_limit: much}\n", "error: ",
		"order_limit must be an amount in yuan above 0" },
	{ "a release for no day", NULL, "releases:\n  - {pay_type: IN, most: \"5000\", until: \"2026-13-01\", signed_by: li}\n", "error: ",
		"until must be a date" },
	{ "a release of nothing", NULL, "releases:\n  - {pay_type: IN, most: \"0\", until: \"2099-12-31\", signed_by: li}\n", "error: ",
		"most must be an amount" },
	{ "a release signed on no day", NULL, "releases:\n  - {pay_type: IN, most: \"1\", until: \"2099-12-31\", signed_by: li, signed_on: \"2026-13-01\"}\n",
		"59:5: error: ", "signed_on must be a date" },
	{ "a release signed tomorrow", NULL, "releases:\n  - {pay_type: IN, most: \"1\", until: \"2099-12-31\", signed_by: li, signed_on: \"2099-12-31\"}\n",
		"59:5: error: ", "signed_on: 2099-12-31 is still to come" },
	{ "a signature of no day", NULL, "releases:\n  - {pay_type: IN, most: \"1\", until: \"2099-12-31\", signed_by: li, signature: bGk=}\n",
		"59:5: error: ", "signature needs signed_on" },
	{ "a payment from no account", NULL, "flows:\n  - name: pay\n    steps: [\"zhejiang:pay.order\"]\n", "error: ",
		"no account is given for that: add one to payers" },
	{ "a claim paid from an account of another type", NULL, "flows:\n  - name: pay\n    steps: [\"zhejiang:claim.submit\", \"zhejiang:pay.order\"]\npayers:\n  - {name: p, party: zhejiang, pay_type: CL, account: \"6001\", account_name: fund}\n", "error: ",
		"no account is given for that: add one to payers with pay_type IN and insurer zhejiang, or none" },
	{ "two payments in one flow", NULL, "flows:\n  - name: pay\n    steps: [\"zhejiang:pay.order\", \"zhejiang:pay.order\"]\npayers:\n  - {name: p, party: zhejiang, pay_type: IN, account: \"6001\", account_name: fund}\n", "error: ",
		"orders 2 payments" },
	{ "a question about no payment", NULL, "flows:\n  - name: pay\n    steps: [\"!zhejiang:pay.query\", \"zhejiang:pay.order\"]\npayers:\n  - {name: p, party: zhejiang, pay_type: IN, account: \"6001\", account_name: fund}\n", "error: ",
		"asks about a payment that no step before has ordered" },
	{ "a payment that somebody waits for", "to: zhejiang",
		"flow: pay\n    operations: [inpatient.admit]\nflows:\n  - name: pay\n    steps: [\"zhejiang:pay.order\", zhejiang]\npayers:\n  - {name: p, party: zhejiang, pay_type: IN, account: \"6001\", account_name: fund}",
		"error: ", "it can only follow" },
	{ "a query by a flow", "to: zhejiang", "flow: admit\n    operations: [person.check]\nflows:\n  - name: admit\n    steps: [zhejiang, zhejiang]",
		"56:5: error: ", "person.check is a query" },
	{ "any operation by a flow", "to: zhejiang", "flow: admit\nflows:\n  - name: admit\n    steps: [zhejiang, zhejiang]",
		"56:5: error: ", "must name its operations" },
	{ "facts of visits that there are not", NULL, "cases:\n  facts: [abroad]\n", "error: ", "not \"abroad\"" },
	{ "an origin that speaks for nobody", "    institutions: [H33021399901]\n", "", "34:5: error: ", "it speaks for nobody" },
	{ "an origin of an unknown party", "    institutions: [H33021399901]\n", "    institutions: [H33021399901]\n    party: nobody\n",
		"34:5: error: ", "no party is called \"nobody\"" },
	{ "an institution table with an unknown column", NULL, "tables:\n  institutions: areas.csv\n", "error: ", "column \"area\" is missing" },
	{ "an institution table with mistakes", NULL, "tables:\n  institutions: odd.csv\n", "error: ", "odd.csv:2: area: an area is six digits" },
	{ "an institution of an unknown origin", NULL, "tables:\n  institutions: odd.csv\n", "error: ", "odd.csv:3: origin: there is no such origin" },
	{ "an institution twice", NULL, "tables:\n  institutions: twice.csv\n", "error: ", "twice.csv:2: error: institution \"H33021399901\" is there twice: the first is in the configuration on line " },
	{ "an institution twice in the table", NULL, "tables:\n  institutions: twice.csv\n", "error: ", "twice.csv:5: error: institution \"H4\" is there twice: the first is on line 4" },
	{ "an old code that is another's code", NULL, "tables:\n  institutions: twice.csv\n", "error: ", "twice.csv:3: error: old_code H33021399902 of institution H3 is the code of H33021399902 already" },
	{ "an institution that signs with an unknown secret", NULL, "tables:\n  institutions: twice.csv\n", "error: ", "twice.csv:4: error: key: no secret is called \"nobody\"" },
	{ "no institutions at all", "institutions:\n  - code: H33021399901\n    name: 示例市第一医院\n    area: \"330213\"\n    operator: YT9001\n  - code: H33021399902\n    name: 示例社区诊所\n    area: \"330213\"\n    operator: YT9001\n", "", "error: ", "institutions is missing" },
	{ "an area table with a mistake", NULL, "tables:\n  areas: areas.csv\n", "error: ", "areas.csv:3: code must be" },
	{ "an area table that is not there", NULL, "tables:\n  areas: none.csv\n", "59:10: error: ", "cannot find" },
	{ "an origin for an unknown institution", "[H33021399901]", "[H33021399901, H99]", "34:5: error: ",
		"speaks for institution H99, which is not under institutions" },
	{ "an area that is not six digits", "area: \"330213\"\n    operator: YT9001\n  -", "area: \"3302\"\n    operator: YT9001\n  -",
		"45:11: error: ", "six digits" },
	{ "a port used twice", "port: 8444", "port: 8443", "17:5: error: ", "in use by listener hospitals on line 9" },
	{ "a port used twice by all addresses", "address: 127.0.0.1\n    port: 8444", "address: 0.0.0.0\n    port: 8443",
		"17:5: error: ", "in use" },
	{ "a port that is none", "port: 8444", "port: 84440", "20:11: error: ", "allowed is 0 to 65535" },
	{ "a host name as address", "address: 127.0.0.1\n    port: 8444", "address: localhost\n    port: 8444", "19:14: error: ",
		"IPv4 or IPv6 address in digits" },
	{ "a url that is not https", "url: https:", "url: http:", "29:10: error: ", "must begin with https://, tls://, file: or sftp://" },
	{ "a party without ca", "    ca: ca.crt\n", "", "27:5: error: ", "parties lacks \"ca\"" },
	{ "a folder that has a certificate", "https://127.0.0.1:9443/fsi/api", "file:bank", "27:5: error: ",
		"party zhejiang is handed files, without TLS and HTTP: remove ca" },
	{ "files over SSH without its keys", "https://127.0.0.1:9443/fsi/api\n    ca: ca.crt", "sftp://yt@bank.example:2222/yt", "27:5: error: ",
		"needs key (ours), known_hosts (theirs) and spool (a folder here), and lacks key" },
	{ "files over SSH for nobody", "https://127.0.0.1:9443/fsi/api\n    ca: ca.crt", "sftp://bank.example/yt", "29:10: error: ",
		"must be sftp://user@host[:port]/folder" },
	{ "files over SSH into no folder", "https://127.0.0.1:9443/fsi/api\n    ca: ca.crt", "sftp://yt@bank.example/", "29:10: error: ",
		"must be sftp://user@host[:port]/folder" },
	{ "files over SSH at a wrong port", "https://127.0.0.1:9443/fsi/api\n    ca: ca.crt", "sftp://yt@bank.example:0/yt", "29:10: error: ",
		"must be sftp://user@host[:port]/folder" },
	{ "a spool without SSH", "    ca: ca.crt", "    ca: ca.crt\n    spool: .", "27:5: error: ", "spool goes with sftp" },
	{ "a folder without a name", "https://127.0.0.1:9443/fsi/api\n    ca: ca.crt", "\"file:\"", "29:10: error: ",
		"must be file:FOLDER" },
	{ "a folder with a host", "https://127.0.0.1:9443/fsi/api\n    ca: ca.crt", "file://bank/x", "29:10: error: ",
		"must be file:FOLDER" },
	{ "a stream without a port", "https://127.0.0.1:9443/fsi/api", "tls://127.0.0.1", "29:10: error: ", "must be tls://host:port" },
	{ "a stream with a path", "https://127.0.0.1:9443/fsi/api", "tls://127.0.0.1:9443/", "29:10: error: ", "must be tls://host:port" },
	{ "a stream without a host", "https://127.0.0.1:9443/fsi/api", "tls://:9443", "29:10: error: ", "must be tls://host:port" },
	{ "a stream with HTTP/2", "https://127.0.0.1:9443/fsi/api\n", "tls://127.0.0.1:9443\n    http2: on\n", "27:5: error: ",
		"http2 goes with https" },
	{ "a stream with a trace", "https://127.0.0.1:9443/fsi/api\n", "tls://127.0.0.1:9443\n    trace: on\n", "27:5: error: ",
		"trace goes with https" },
	{ "a stream with a header", "https://127.0.0.1:9443/fsi/api\n",
		"tls://127.0.0.1:9443\n    header: apikey\n    header_secret: clinic-token\n", "27:5: error: ", "header goes with https" },
	{ "a worker without a connection", "https://127.0.0.1:9443/fsi/api\n", "tls://127.0.0.1:9443\n    connections: 1\n", "27:5: error: ",
		"1 connections are fewer than the 2 workers" },
	{ "a url without host", "https://127.0.0.1:9443/fsi/api", "https://:9443/", "29:10: error: ",
		"https://host[:port]/path" },
	{ "a url with a bad port", "https://127.0.0.1:9443/fsi/api", "https://a:0/", "29:10: error: ", "https://host[:port]/path" },
	{ "a url with a user", "https://127.0.0.1:9443/fsi/api", "https://me@a/", "29:10: error: ", "https://host[:port]/path" },
	{ "a file that is not there", "client_ca: ca.crt", "client_ca: other.crt", "16:16: error: ", "cannot find \"other.crt\"" },
	{ "a folder for a file", "client_ca: ca.crt", "client_ca: .", "16:16: error: ", "is a folder" },
	{ "a key that others can read", "    key: gateway.key\n    client", "    key: open.key\n    client", "15:10: error: ",
		"can be read by others (mode 644): chmod 600" },
	{ "an empty key file", "    key: gateway.key\n    client", "    key: empty.key\n    client", "15:10: error: ", "is empty" },
	{ "a secret that others can read", "clinic-token: clinic-token", "clinic-token: open.key", "25:17: error: ",
		"can be read by others" },
	{ "a key without a kind", NULL, "keys:\n  - {name: hub, file: ca.crt}\n", "59:5: error: ", "keys lacks \"kind\"" },
	{ "a key of an unknown kind", NULL, "keys:\n  - {name: hub, kind: sm2, file: ca.crt}\n", "59:23: error: ",
		"one of: secret sm4 sm2-private sm2-public" },
	{ "a key that begins on no day", NULL, "keys:\n  - {name: hub, kind: sm4, file: ca.crt, from: 2026-13-01}\n", "59:5: error: ",
		"from must be a date or a time" },
	{ "a key that is never valid", NULL,
		"keys:\n  - {name: hub, kind: sm4, file: ca.crt, from: 2026-12-01, to: 2026-12-01}\n", "59:5: error: ",
		"key \"hub\" is never valid" },
	{ "a key with an id of nobody", NULL, "keys:\n  - {name: hub, kind: sm4, file: ca.crt, id: 1}\n", "59:5: error: ",
		"an id but no owner" },
	{ "a key that is called like a secret", NULL, "keys:\n  - {name: clinic-token, kind: sm4, file: ca.crt}\n", "59:5: error: ",
		"has the name of a secret" },
	{ "a key whose file is not there", NULL, "keys:\n  - {name: hub, kind: sm4, file: none}\n", "59:34: error: ",
		"cannot find \"none\"" },
	{ "mtls without client_ca", "    client_ca: ca.crt\n", "", "9:5: error: ", "needs client_ca" },
	{ "client_ca without mtls", "kind: mtls", "kind: signed", "9:5: error: ", "client_ca goes with kind mtls" },
	{ "a certificate without its key", "    ca: ca.crt\n", "    ca: ca.crt\n    cert: gateway.crt\n", "27:5: error: ",
		"a cert but no key" },
	{ "a header without its secret", "    ca: ca.crt\n", "    ca: ca.crt\n    header: apikey\n", "27:5: error: ",
		"give header and header_secret" },
	{ "a header's secret alone", "    ca: ca.crt\n", "    ca: ca.crt\n    header_secret: clinic-token\n", "27:5: error: ",
		"give header and header_secret" },
	{ "a header that is sent anyway", "    ca: ca.crt\n",
		"    ca: ca.crt\n    header: Content-Length\n    header_secret: clinic-token\n", "27:5: error: ",
		"\"Content-Length\" is no name of a header" },
	{ "a header with a space", "    ca: ca.crt\n", "    ca: ca.crt\n    header: api key\n    header_secret: clinic-token\n",
		"27:5: error: ", "\"api key\" is no name of a header" },
	{ "a header's secret that is none", "    ca: ca.crt\n",
		"    ca: ca.crt\n    header: apikey\n    header_secret: other-token\n", "27:5: error: ",
		"no secret is called \"other-token\"" },
	{ "told by a party that is none", "    ca: ca.crt\n", "    ca: ca.crt\n    told_by: [nobody]\n", "27:5: error: ",
		"told_by: no party is called \"nobody\"" },
	{ "told by too many", "    ca: ca.crt\n",
		"    ca: ca.crt\n    told_by: [zhejiang, zhejiang, zhejiang, zhejiang, zhejiang]\n", "27:5: error: ",
		"told_by: at most 4 parties, not 5" },
	{ "a time of the day that is none", "    ca: ca.crt\n", "    ca: ca.crt\n    statement_at: [\"17:60\"]\n", "error: ",
		"statement_at must hold times of the day as \"17:30\", not \"17:60\"" },
	{ "a time after the day", "    ca: ca.crt\n", "    ca: ca.crt\n    statement_at: [\"24:00\"]\n", "error: ",
		"statement_at must hold times of the day as \"17:30\", not \"24:00\"" },
	{ "entries of no account", "    ca: ca.crt\n", "    ca: ca.crt\n    statement_at: [\"17:30\"]\n", "27:5: error: ",
		"statement_at: payers has no account at party zhejiang, and no flow hands in claims there" },
	{ "too many times of the day", "    ca: ca.crt\n",
		"    ca: ca.crt\n    statement_at: [\"01:00\", \"02:00\", \"03:00\", \"04:00\", \"05:00\", \"06:00\", \"07:00\", "
		"\"08:00\", \"09:00\"]\n",
		"27:5: error: ", "statement_at: at most 8 times, not 9" },
	{ "a list without its key", "    ca: ca.crt\n", "    ca: ca.crt\n    enrolment: a.list\n", "27:5: error: ",
		"give enrolment and enrolment_key" },
	{ "a list's key that is none", "    ca: ca.crt\n",
		"    ca: ca.crt\n    enrolment: a.list\n    enrolment_key: other-token\n", "27:5: error: ",
		"no secret is called \"other-token\"" },
	{ "a list's key of another kind", "    settings: { paasid: GATEWAY01 }\n",
		"    enrolment: a.list\n    enrolment_key: list\nkeys: [ { name: list, kind: sm4, file: ca.crt } ]\n",
		"27:5: error: ", "enrolment_key: \"list\" is of kind sm4, one of kind secret is needed" },
	{ "an origin known by nothing", "    subject: hospital-one\n", "", "34:5: error: ", "needs subject" },
	{ "an origin known by two things", "    subject: hospital-one\n", "    subject: a\n    caller: b\n", "34:5: error: ",
		"either subject or caller" },
	{ "a caller without key", "    key: clinic-token\n", "", "38:5: error: ", "needs key" },
	{ "a key that is no secret", "key: clinic-token", "key: other-token", "38:5: error: ", "no secret is called \"other-token\"" },
	{ "an origin without institutions", "institutions: [H33021399901]", "institutions: []", "36:19: error: ",
		"empty list" },
	{ "a serial range the wrong way", "serial_from: 9000", "serial_from: 9000\n  serial_to: 8999", "52:3: error: ",
		"serial_from 9000 is behind serial_to 8999" },
	{ "a serial that has five digits", "serial_from: 9000", "serial_from: 90000", "52:16: error: ", "allowed is 0 to 9999" },
	{ "a held origin that gives up first", "timeout_ms: 180000", "timeout_ms: 120000", "34:5: error: ",
		"timeout_ms must be more than change_timeout_ms" },
	{ "unknown_style code without the code", "timeout_ms: 180000", "unknown_style: code", "34:5: error: ",
		"needs unknown_code" },
	{ "an unknown_code that is never heard", "timeout_ms: 180000", "unknown_code: 7", "34:5: error: ",
		"only heard with unknown_style: code" },
	{ "retries the wrong way", "retry_ms: 5000", "retry_ms: 5000\n  retry_max_ms: 4000", "54:3: error: ",
		"longer than retry_max_ms" },
	{ "a desk for everybody", "limits:\n", "desk: {address: 0.0.0.0, port: 9000}\nlimits:\n", "6:7: error: ",
		"is not a loopback address" },
	{ "a buffer that no body fits in", "body_kib: 1024", "body_kib: 128\n  http2_buffer_kib: 100", "7:3: error: ",
		"http2_buffer_kib: 100 is smaller than body_kib: 128" },
#define SIGNED "kind: signed\n    address: 127.0.0.1\n    port: 8444\n    format: nhsa\n    cert: gateway.crt\n    key: gateway.key\n"
#define PLAIN(address, more) "kind: plain\n    address: " address "\n    port: 8444\n    format: nhsa\n" more
	{ "plain HTTP for anybody", SIGNED, PLAIN("127.0.0.1", ""), "17:5: error: ", "is plain and needs allow" },
	{ "plain HTTP on every address", SIGNED, PLAIN("0.0.0.0", "    allow: [10.0.0.0/8]\n"), "17:5: error: ",
		"its address 0.0.0.0 is not private" },
	{ "plain HTTP on a public address", SIGNED, PLAIN("8.8.8.8", "    allow: [10.0.0.0/8]\n"), "17:5: error: ", "is not private" },
	{ "plain HTTP for the public", SIGNED, PLAIN("127.0.0.1", "    allow: [0.0.0.0/0]\n"), "22:13: error: ",
		"must hold private addresses or networks" },
	{ "plain HTTP with a certificate", SIGNED, PLAIN("127.0.0.1", "    allow: [10.0.0.0/8]\n    cert: gateway.crt\n"),
		"17:5: error: ", "remove cert and key" },
	{ "addresses where certificates count", "    key: gateway.key\n    client_ca", "    key: gateway.key\n    allow: [10.0.0.0/8]\n    client_ca",
		"9:5: error: ", "allow goes with kind plain" },
	{ "TLS without a certificate", "    cert: gateway.crt\n    key: gateway.key\n    client_ca", "    client_ca", "9:5: error: ",
		"listener hospitals needs cert and key" },
	{ "a revocation list where nobody shows a certificate", SIGNED, SIGNED "    crl: ca.crt\n", "17:5: error: ", "crl goes with kind mtls" },
	{ "a ring too small", "body_kib: 1024", "body_kib: 1025\n  ring_mib: 4", "7:3: error: ", "ring_mib: 4 is too small" },
	{ "an answer that no ring could hold", "    format: nhsa\n    url", "    format: nhsa\n    response_kib: 2048\n    url", "7:3: error: ",
		"ring_mib: 4 is too small for response_kib: 2048" },
	{ "too few numbers of our own", "serial_from: 9000", "serial_from: 9995", "", "leave the gateway ten a second" },
	{ "a segment too small", "segment_mib: 16", "segment_mib: 3", "7:3: error: ", "segment_mib: 3 is too small" },
	{ "production without a person key", "profile: development", "profile: production", "2:12: error: ", "person-key" },
	{ "a calendar that is not there", NULL, "calendars:\n  - {name: bank, file: nothing.csv}\n", "59:", "nothing.csv" },
	{ "a calendar's name mistyped", NULL, "calendars:\n  - {name: bank, file: calendar.csv}\nflows:\n  - {name: admit, steps: [zhejiang], calendar: banks, late_after_days: 1}\n",
		"61:5: error: ", "calendar: there is no \"banks\" in calendars: did you mean \"bank\"?" },
	{ "a calendar that is none", NULL, "calendars:\n  - {name: bank, file: ca.crt}\n", "59:5: error: ", "calendar bank: ca.crt:1: " },
	{ "a flow by an unknown calendar", NULL,
		"flows:\n  - {name: claim, steps: [\"zhejiang:person.check\"], late_after_days: 1, calendar: bank}\n", "59:5: error: ",
		"there is no \"bank\" in calendars" },
	{ "a flow with a calendar for nothing", NULL,
		"flows:\n  - {name: claim, steps: [\"zhejiang:person.check\"], calendar: bank}\n", "59:5: error: ",
		"calendar goes with late_after_days or line_after_days" },
	{ "production without operators", "profile: development", "profile: production", "2:12: error: ", "production needs operators" },
	{ "an operator with a role that is none", NULL, "operators:\n  - {name: li, roles: [boss]}\n", "59:5: error: ",
		"there is no role \"boss\"" },
	{ "an administrator who handles business", NULL, "operators:\n  - {name: li, roles: [auditor, business]}\n", "59:5: error: ",
		"operator li: system, security and auditor are each a person's only role" },
	{ "two administrators in one", NULL, "operators:\n  - {name: li, roles: [system, security]}\n", "59:5: error: ", "only role" },
	{ "an operator twice", NULL, "operators:\n  - {name: li, roles: [business]}\n  - {name: li, roles: [checker]}\n", "60:5: error: ",
		"operator \"li\" is there twice: the first is on line 59" },
	{ "two operators who are one user", NULL,
		"operators:\n  - {name: li, user: u, roles: [business]}\n  - {name: wang, user: u, roles: [checker]}\n", "60:5: error: ",
		"operators li and wang have the same user" },
	{ "an operator who is the gateway", NULL, "operators:\n  - {name: keeper, roles: [business]}\n", "59:5: error: ",
		"cannot be called keeper" },
	{ "production without journal keys", "profile: development", "profile: production", "2:12: error: ",
		"needs journal.keys" },
	{ "an area no route takes", "    to: zhejiang", "    to: zhejiang\n    areas: [\"3301\"]", "43:5: error: ",
		"no route takes institution H33021399901 (area 330213)" },
	{ "a setting that is a list", "paasid: GATEWAY01", "paasid: [a]", "32:25: error: ",
		"settings.paasid must be a single value" },
	{ "an anchor", "workers: 2", "workers: &n 2", "3:12: error: ", "anchors (&) and aliases (*)" },
	{ "an alias", "workers: 2", "workers: *n", "3:12: error: ", "anchors (&) and aliases (*)" },
	{ "a tag", "workers: 2", "workers: !!int 2", "3:12: error: ", "tags (!)" },
	{ "a merge key", "  workers: 2", "  <<: {}", "3:3: error: ", "merge keys" },
	{ "a tab", "  workers: 2", "\tworkers: 2", "3:1: error: ", "a tab: indent with spaces" },
	{ "a second document", NULL, "---\ngateway: {}\n", "58:1: error: ", "a second document" },
	{ "a bracket left open", "[H33021399901]", "[H33021399901", "37:", "not YAML" },
	{ "bytes that are not UTF-8", "示例社区诊所", "\xca\xbe\xc0", "", "save the file as UTF-8" },
	{ "a list as key", "  workers: 2", "  [a]: 2", "3:3: error: ", "a key must be a plain word" },
	{ "a control character", "name: 示例社区诊所", "name: \"a\\tb\"", "48:11: error: ", "control character" },
	{ "a NUL", "name: 示例社区诊所", "name: \"a\\0b\"", "48:11: error: ", "NUL" },
	{ "a text that is too long", "operator: YT9001\n  -", "operator: aaaaaaaaaabbbbbbbbbbccccccccccd\n  -", "46:15: error: ",
		"has 31 bytes; allowed is 1 to 30" },
	{ "too many levels", "workers: 2", "workers: [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]", "3:", "deeper than 16" },
};
/* clang-format on */

static const struct warn_case {
	const char *it, *from, *to, *want, *words;
} warn_cases[] = {
	{ "plain HTTP at all", SIGNED, PLAIN("127.0.0.1", "    allow: [10.1.0.0/16, 192.168.3.7]\n"),
	        "17:5: warning: ", "is plain HTTP: whoever is on the way can read" },
	{ "an institution without origin", "[H33021399902]", "[H33021399901]",
	        "47:5: warning: ", "no origin may speak for" },
	{ "a silent origin that gives up first", "timeout_ms: 180000", "timeout_ms: 60000\n    unknown_style: silence",
	        "34:5: warning: ", "it will reverse what might have succeeded" },
	{ "an origin without a listener of its kind", "kind: signed", "kind: mtls\n    client_ca: ca.crt",
	        "39:5: warning: ", "no listener of kind signed" },
	{ "a release that has ended", NULL,
	        "releases:\n  - {pay_type: IN, most: \"5000\", until: \"2020-01-01\", signed_by: li}\n",
	        "59:5: warning: ", "this release ended on 2020-01-01" },
	{ "payments, and too short a gap", "  retry_ms: 5000\n",
	        "  retry_ms: 5000\n  pay_absent_gap_ms: 60000\npayers:\n  - {name: p, party: zhejiang, pay_type: IN, account: \"6001\", account_name: fund}\n",
	        " warning: ", "pay_absent_gap_ms is less than five minutes" },
	{ "a route never reached, whatever it asks for", "    to: zhejiang",
	        "    to: zhejiang\n  - name: more\n    to: zhejiang\n    relation: [unknown]",
	        "58:5: warning: ", "never reached" },
	{ "a route never reached", "    to: zhejiang", "    to: zhejiang\n  - name: more\n    to: zhejiang",
	        "58:5: warning: ", "never reached" },
};

static char folder[64];

static void write_file(const char *name, const char *text, size_t n, int mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, mode);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, (mode_t)mode), 0);
	assert_int_equal(write(fd, text, n), (ssize_t)n);
	close(fd);
}

static void write_text(const char *name, const char *text)
{
	write_file(name, text, strlen(text), 0644);
}

static int make_folder(void **state)
{
	strcpy(folder, "/tmp/test_conf.XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	write_file("gateway.crt", "x", 1, 0644);
	write_file("ca.crt", "x", 1, 0644);
	write_file("gateway.key", "x", 1, 0600);
	write_file("open.key", "x", 1, 0644);
	write_text("odd.csv", "code,name,area,operator,origin\nH1,a,33021,YT,hospital-one\nH2,b,330213,YT,nobody\n");
	write_text("twice.csv",
	        "code,name,area,operator,origin,old_code,caller,key\nH33021399901,a,330213,YT,hospital-one,,,\n"
	        "H3,b,330213,YT,hospital-one,H33021399902,,\nH4,c,330213,YT,,,CALLER4,nobody\n"
	        "H4,d,330213,YT,hospital-one,,,\n");
	write_text("more.csv",
	        "code,name,area,operator,origin,old_code,sign_in,caller,key,from,to\n"
	        "H5,a,330213,YT,hospital-one,OLD5,own,,,2026-01-01,2026-12-31\nH6,b,330213,YT,,,,CALLER6,clinic-token,,\n");
	write_file("areas.csv", "code,name\n33,a\n330,b\n", 20, 0644);
	write_file("empty.key", "", 0, 0600);
	write_file("clinic-token", "x", 1, 0600);
	return 0;
}

static int remove_folder(void **state)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	assert_int_equal(chdir("/"), 0);
	return system(command) != 0;
}

/* The good text with one change, in conf.yaml. */
static void write_changed(const char *from, const char *to)
{
	struct yt_buf text = { 0 };
	const char *at = from == NULL ? good + sizeof(good) - 1 : strstr(good, from);

	assert_non_null(at);
	yt_buf_add(&text, good, (size_t)(at - good));
	yt_buf_text(&text, to);
	yt_buf_text(&text, at + (from == NULL ? 0 : strlen(from)));
	write_file("conf.yaml", (const char *)text.p, text.n, 0644);
	yt_buf_free(&text);
}

static char *read_whole(const char *path, size_t *n);

/* In conf.yaml as it stands: from gives way to key and number, and what is behind them. */
static void set_number(const char *from, const char *key, unsigned number, const char *behind)
{
	struct yt_buf text = { 0 };
	size_t n;
	char *was = read_whole("conf.yaml", &n), *at = strstr(was, from);

	assert_non_null(at);
	yt_buf_add(&text, was, (size_t)(at - was));
	yt_buf_printf(&text, "%s: %u%s", key, number, behind);
	yt_buf_text(&text, at + strlen(from));
	write_file("conf.yaml", (const char *)text.p, text.n, 0644);
	yt_buf_free(&text);
	free(was);
}

/* Whether one of the errors begins and goes on as wanted; prints all when none does. */
static bool is_told(const struct conf_errors *errors, const char *want, const char *words)
{
	char line[700], begin[100];

	snprintf(begin, sizeof(begin), "conf.yaml:%s", want);
	for (uint32_t i = 0; i < errors->n; i++) {
		conf_error_print(errors, &errors->item[i], line, sizeof(line));
		if (strstr(line, words) != NULL &&
		        (strncmp(line, begin, strlen(begin)) == 0 || strncmp(want, "error", 5) == 0))
			return true;
	}
	for (uint32_t i = 0; i < errors->n; i++) {
		conf_error_print(errors, &errors->item[i], line, sizeof(line));
		print_error("told: %s", line);
	}
	print_error("wanted: %s ... %s\n", begin, words);
	return false;
}

static void test_bad(void **state)
{
	const struct bad_case *c = *state;
	struct conf_errors errors;
	struct conf *conf = NULL;

	write_changed(c->from, c->to);
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), YT_ECONF);
	assert_null(conf);
	assert_true(errors.n_errors > 0);
	assert_true(is_told(&errors, c->want, c->words));
}

/* One mistake, one error: what a misspelt `then` names is not judged as if nothing named it. */
static void test_misspelt_then(void **state)
{
	struct conf_errors errors;
	struct conf *conf = NULL;

	write_changed("to: zhejiang",
	        "to: zhejiang\n    then: clam\ncases:\n  facts: [same-city]\nflows:\n  - name: claim\n"
	        "    steps: [\"zhejiang:person.check?a\"]");
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), YT_ECONF);
	assert_true(is_told(&errors, "56:5: error: ", "did you mean \"claim\"?"));
	assert_int_equal(errors.n_errors, 1);
	/* Nor what a route of no known operation leads to. */
	write_changed("to: zhejiang", "operations: [account.putt]\n    then: claim\nflows:\n  - name: claim\n"
	                              "    steps: [\"zhejiang:person.check?a\"]");
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), YT_ECONF);
	assert_true(is_told(&errors, "56:5: error: ", "did you mean \"account.put\"?"));
	assert_int_equal(errors.n_errors, 1);
	/* Looked for twice, where the route keeps what is told: told once. */
	write_changed("to: zhejiang", "operations: [account.put]\n    then: clam\nflows:\n  - name: claim\n"
	                              "    steps: [\"zhejiang:person.check?a\"]");
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), YT_ECONF);
	assert_true(is_told(&errors, "56:5: error: ", "did you mean \"claim\"?"));
	assert_int_equal(errors.n_errors, 1);
}

static void test_warned(void **state)
{
	const struct warn_case *c = *state;
	struct conf_errors errors;
	struct conf *conf = NULL;

	write_changed(c->from, c->to);
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), 0);
	assert_true(errors.n_warnings > 0);
	assert_true(is_told(&errors, c->want, c->words));
	conf_free(conf);
}

static void test_good(void **state)
{
	struct conf_errors errors;
	struct conf *conf = NULL;

	write_changed(NULL, "");
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), 0);
	assert_int_equal(errors.n, 0);
	assert_int_equal(conf->gateway.workers, 2);
	assert_int_equal(conf->gateway.profile, CONF_DEVELOPMENT);
	assert_int_equal(conf->gateway.log_level, YT_INFO);
	assert_null(conf->journal.keys);
	assert_int_equal(conf->journal.retention_days, 1100); /* a default */
	assert_int_equal(conf->n_listeners, 2);
	assert_int_equal(conf->listeners[0].kind, CONF_MTLS);
	assert_int_equal(conf->listeners[1].kind, CONF_SIGNED);
	assert_int_equal(conf->listeners[1].port, 8444);
	assert_int_equal(conf->listeners[1].place.line, 17);
	assert_string_equal(conf->secrets[0].name, "clinic-token");
	assert_string_equal(conf->parties[0].host, "127.0.0.1");
	assert_string_equal(conf->parties[0].port, "9443");
	assert_string_equal(conf->parties[0].target, "/fsi/api");
	assert_int_equal(conf->parties[0].settings.n, 1);
	assert_string_equal(conf->parties[0].settings.item[0].key, "paasid");
	assert_string_equal(conf->parties[0].settings.item[0].value, "GATEWAY01");
	assert_int_equal(conf->origins[0].unknown_style, CONF_HOLD);
	assert_string_equal(conf->institutions[0].name, "示例市第一医院");
	assert_int_equal(conf->institutions[0].sign_in, CONF_SIGN_IN_PASS);
	assert_int_equal(conf->numbers.serial_to, 9999);
	assert_ptr_equal(conf->routes[0].party, &conf->parties[0]);
	conf_free(conf);
}

static void test_lookups(void **state)
{
	static struct yt_str elsewhere = { "31", 2 };
	struct conf_origin hub = { .name = "hub" };
	struct conf_errors errors;
	struct conf *conf = NULL;

	write_changed("  - name: everything\n",
	        "  - name: county\n    to: zhejiang\n    areas: [\"3302\"]\n  - name: everything\n");
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), 0);
	assert_ptr_equal(conf_origin_by_subject(conf, YT_STR("hospital-one")), &conf->origins[0]);
	assert_null(conf_origin_by_subject(conf, YT_STR("CLINIC01")));
	assert_ptr_equal(conf_origin_by_caller(conf, YT_STR("CLINIC01")), &conf->origins[1]);
	assert_null(conf_origin_by_caller(conf, YT_STR("")));
	assert_ptr_equal(conf_institution(conf, YT_STR("H33021399902")), &conf->institutions[1]);
	assert_null(conf_institution(conf, YT_STR("H3302139990")));
	assert_ptr_equal(conf_party(conf, YT_STR("zhejiang")), &conf->parties[0]);
	assert_ptr_equal(conf_secret(conf, YT_STR("clinic-token")), &conf->secrets[0]);
	assert_true(conf_origin_speaks_for(&conf->origins[0], YT_STR("H33021399901"), YT_STR("")));
	assert_false(conf_origin_speaks_for(&conf->origins[0], YT_STR("H33021399902"), YT_STR("")));
	assert_false(conf_origin_speaks_for(&conf->origins[0], YT_STR("H330213999011"), YT_STR("")));
	assert_ptr_equal(conf_local_party(conf, YT_STR("H33021399901")), &conf->parties[0]);
	hub.areas = (struct conf_texts){ &elsewhere, 1 };
	assert_true(conf_origin_may(conf, &hub, YT_STR("H31000000001"), YT_STR("310115")));
	assert_false(conf_origin_may(conf, &hub, YT_STR("H31000000001"), YT_STR("330213")));
	assert_false(
	        conf_origin_may(conf, &hub, YT_STR("H33021399901"), YT_STR("310115"))); /* ours, whatever it says */
	conf_free(conf);
}

static void test_institution_table(void **state)
{
	struct conf_errors errors;
	struct conf *conf = NULL;
	const struct conf_institution *inst;
	const struct conf_origin *own;

	write_changed(NULL, "tables:\n  institutions: more.csv\n");
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), 0);
	inst = conf_institution(conf, YT_STR("OLD5"));
	assert_non_null(inst);
	assert_string_equal(inst->code, "H5");
	assert_ptr_equal(conf_institution(conf, YT_STR("H5")), inst);
	assert_int_equal(inst->sign_in, CONF_SIGN_IN_OWN);
	assert_int_equal(inst->from_day, 20260101);
	assert_int_equal(inst->to_day, 20261231);
	assert_true(conf_origin_speaks_for(&conf->origins[0], YT_STR("OLD5"), YT_STR("")));
	assert_true(conf_origin_speaks_for(&conf->origins[0], YT_STR("H33021399901"), YT_STR("")));
	own = conf_origin_by_caller(conf, YT_STR("CALLER6"));
	assert_non_null(own);
	assert_true(conf_origin_speaks_for(own, YT_STR("H6"), YT_STR("")));
	assert_false(conf_origin_speaks_for(own, YT_STR("H5"), YT_STR("")));
	conf_free(conf);
}

static void test_urls(void **state)
{
	static const struct {
		const char *url, *host, *port, *target;
		enum conf_party_kind kind;
		uint32_t connections;
	} urls[] = {
		{ "https://platform.example", "platform.example", "443", "/", CONF_HTTPS, 64 },
		{ "https://platform.example/", "platform.example", "443", "/", CONF_HTTPS, 64 },
		{ "https://10.1.2.3:80/a?b=c", "10.1.2.3", "80", "/a?b=c", CONF_HTTPS, 64 },
		{ "https://[2001:db8::1]:8443/x", "2001:db8::1", "8443", "/x", CONF_HTTPS, 64 },
		{ "https://[2001:db8::1]/", "2001:db8::1", "443", "/", CONF_HTTPS, 64 },
		{ "tls://bank.example:7443", "bank.example", "7443", "/", CONF_FRAMES, 8 },
		{ "tls://[2001:db8::1]:7443", "2001:db8::1", "7443", "/", CONF_FRAMES, 8 },
	};
	struct conf_errors errors;
	struct conf *conf = NULL;
	char line[100];

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		snprintf(line, sizeof(line), "url: \"%s\"", urls[i].url);
		write_changed("url: https://127.0.0.1:9443/fsi/api", line);
		assert_int_equal(conf_load(&conf, "conf.yaml", &errors), 0);
		assert_string_equal(conf->parties[0].host, urls[i].host);
		assert_string_equal(conf->parties[0].port, urls[i].port);
		assert_string_equal(conf->parties[0].target, urls[i].target);
		assert_int_equal(conf->parties[0].kind, urls[i].kind);
		assert_int_equal(conf->parties[0].connections, urls[i].connections);
		conf_free(conf);
	}
}

static void test_no_file(void **state)
{
	struct conf_errors errors;
	struct conf *conf = NULL;
	char line[700];

	assert_int_equal(conf_load(&conf, "nothing.yaml", &errors), YT_ECONF);
	assert_int_equal(errors.n, 1);
	conf_error_print(&errors, &errors.item[0], line, sizeof(line));
	assert_string_equal(line,
	        "nothing.yaml: error: cannot be read: No such file or directory: give another file with --conf\n");
	assert_int_equal(conf_load(&conf, ".", &errors), YT_ECONF);
	assert_non_null(strstr(errors.item[0].text, "it is a folder"));
	write_file("conf.yaml", "", 0, 0644);
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), YT_ECONF);
	assert_non_null(strstr(errors.item[0].text, "no configuration in it"));
	write_file("conf.yaml", "- a\n", 4, 0644);
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), YT_ECONF);
	assert_non_null(strstr(errors.item[0].text, "must begin with a key"));
}

static void test_too_large(void **state)
{
	size_t n = (1 << 20) + 1;
	struct conf_errors errors;
	struct conf *conf = NULL;
	char *text = malloc(n);

	memset(text, '#', n);
	write_file("conf.yaml", text, n, 0644);
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), YT_ECONF);
	assert_non_null(strstr(errors.item[0].text, "larger than 1 MiB"));
	free(text);
}

static void test_many_errors(void **state)
{
	struct yt_buf text = { 0 };
	struct conf_errors errors;
	struct conf *conf = NULL;

	for (int i = 0; i < 2000; i++)
		yt_buf_printf(&text, "x%d: 1\n", i);
	write_file("conf.yaml", (const char *)text.p, text.n, 0644);
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), YT_ECONF);
	assert_int_equal(errors.n, CONF_ERRORS_MAX);
	assert_true(errors.n_errors >= 2000);
	yt_buf_free(&text);
}

/* Thousands of institutions and secrets must not take time that grows with their square. */
static void test_many_institutions(void **state)
{
	struct yt_buf text = { 0 };
	struct conf_errors errors;
	struct conf *conf = NULL;
	char code[16];
	const char *at = strstr(good, "numbers:\n");

	yt_buf_add(&text, good, (size_t)(at - good));
	for (int i = 0; i < 9000; i++)
		yt_buf_printf(&text, "  - {code: H44%06d, name: n, area: \"330213\", operator: o}\n", i);
	yt_buf_text(&text, at);
	write_file("conf.yaml", (const char *)text.p, text.n, 0644);
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), 0);
	assert_int_equal(conf->n_institutions, 9002);
	assert_int_equal(errors.n_warnings, 9000);
	for (int i = 0; i < 9000; i += 7) {
		snprintf(code, sizeof(code), "H44%06d", i);
		assert_string_equal(conf_institution(conf, yt_str(code))->code, code);
	}
	conf_free(conf);
	yt_buf_free(&text);
}

/* Any prefix, and any byte changed, is answered: no crash, no leak. */
static void test_mangled(void **state)
{
	struct conf_errors errors;
	char text[sizeof(good)];
	unsigned seed = 7;

	for (size_t n = 0; n < sizeof(good) - 1; n += 3) {
		struct conf *conf = NULL;

		write_file("conf.yaml", good, n, 0644);
		conf_load(&conf, "conf.yaml", &errors);
		conf_free(conf);
	}
	for (int i = 0; i < 2000; i++) {
		struct conf *conf = NULL;

		memcpy(text, good, sizeof(good));
		for (int j = 0; j < 3; j++) {
			seed = seed * 1103515245u + 12345u;
			text[(seed >> 8) % (sizeof(good) - 1)] = "\t\n :-[]{}&*!\"'0az#\xff"[(seed >> 3) % 20];
		}
		write_file("conf.yaml", text, sizeof(good) - 1, 0644);
		conf_load(&conf, "conf.yaml", &errors);
		conf_free(conf);
	}
}

static char *read_whole(const char *path, size_t *n)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	char *text;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	text = malloc((size_t)st.st_size + 1);
	assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
	text[st.st_size] = 0;
	close(fd);
	*n = (size_t)st.st_size;
	return text;
}

static void test_manual_has_the_keys(void **state)
{
	struct yt_buf keys = { 0 };
	size_t n;
	char *manual = read_whole(YT_SOURCE_DIR "/docs/configuration.md", &n);

	conf_keys_markdown(&keys);
	yt_buf_byte(&keys, 0);
	assert_false(keys.failed);
	if (strstr(manual, (const char *)keys.p) == NULL)
		fail_msg("docs/configuration.md does not hold what `yitong check --keys` prints: put it there");
	free(manual);
	yt_buf_free(&keys);
}

static void test_delivered_configuration(void **state)
{
	struct conf_errors errors;
	struct conf *conf = NULL;

	static const struct {
		const char *file;
		uint32_t n_institutions; /* also those of its table */
	} rows[] = { { "gateway.yaml", 3 }, { "province.yaml", 7 }, { "front.yaml", 1 }, { "city.yaml", 6 } };
	char here[400];

	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(YT_SOURCE_DIR), 0); /* from where their paths begin */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char path[64];

		snprintf(path, sizeof(path), "conf/%s", rows[i].file);
		if (conf_load_with(&conf, path, CONF_NO_FILES, &errors) != 0 || errors.n != 0)
			fail_msg("%s: %s", path, errors.item[0].text);
		assert_int_equal(conf->n_institutions, rows[i].n_institutions);
		conf_free(conf);
	}
	assert_int_equal(chdir(here), 0);
}

/* The first yaml block of the manual is a whole configuration that a newcomer copies. */
static void test_manual_sample(void **state)
{
	struct conf_errors errors;
	struct conf *conf = NULL;
	size_t n;
	char *manual = read_whole(YT_SOURCE_DIR "/docs/configuration.md", &n);
	char *begin = strstr(manual, "```yaml\n"), *end;

	assert_non_null(begin);
	begin += strlen("```yaml\n");
	end = strstr(begin, "```\n");
	assert_non_null(end);
	write_file("sample.yaml", begin, (size_t)(end - begin), 0644);
	free(manual);
	if (conf_load_with(&conf, "sample.yaml", CONF_NO_FILES, &errors) != 0 || errors.n != 0)
		fail_msg("docs/configuration.md, first yaml block: line %u: %s", (unsigned)errors.item[0].line,
		        errors.item[0].text);
	conf_free(conf);
}

/* ---- certificates and keys ---- */

static const struct tls_case {
	const char *it;
	const char *from, *to; /* in the good text, whose files are all in order */
	const char *want, *words;
	const char *other; /* must be told, too: the second file */
} tls_cases[] = {
	{ "a key that is not the certificate's", "key: gateway.key\n    client", "key: other.key\n    client",
	        "9:5: error: ", "the key \"other.key\" is not the key of the certificate \"gateway.crt\"", "" },
	{ "a key of another kind than the certificate's", "key: gateway.key\n    client", "key: rsa.key\n    client",
	        "9:5: error: ", "the key \"rsa.key\" is not the key of the certificate \"gateway.crt\"", "" },
	{ "a key with a password", "key: gateway.key\n    client", "key: locked.key\n    client",
	        "9:5: error: ", "without a password", "\"gateway.crt\"" },
	{ "a key that is none", "key: gateway.key\n    client", "key: clinic-token\n    client",
	        "9:5: error: ", "key \"clinic-token\" of cert \"gateway.crt\" is no private key", "" },
	{ "a certificate that is none", "cert: gateway.crt", "cert: gateway.key",
	        "9:5: error: ", "is no certificate chain", "" },
	{ "a certificate that ended", "cert: gateway.crt", "cert: expired.crt",
	        "9:5: warning: ", "cert \"expired.crt\" ended on", "gateway.key" },
	{ "a certificate of the future", "cert: gateway.crt", "cert: future.crt",
	        "9:5: warning: ", "cert \"future.crt\" is not valid before", "" },
	{ "a certificate that ends in ten days", "cert: gateway.crt", "cert: soon.crt",
	        "9:5: warning: ", "cert \"soon.crt\" ends in 10 days", "" },
	{ "a client's certificate at a listener", "cert: gateway.crt", "cert: client.crt",
	        "9:5: error: ", "cert \"client.crt\" may not be used as a TLS server", "" },
	{ "a server's certificate towards a party", "    ca: ca.crt",
	        "    ca: ca.crt\n    cert: gateway.crt\n    key: gateway.key",
	        "27:5: error: ", "cert \"gateway.crt\" may not be used as a TLS client", "" },
	{ "a party's key that is not the certificate's", "    ca: ca.crt",
	        "    ca: ca.crt\n    cert: client.crt\n    key: other.key", "27:5: error: ",
	        "party zhejiang: the key \"other.key\" is not the key of the certificate \"client.crt\"", "" },
	{ "a client CA that is none", "client_ca: ca.crt", "client_ca: clinic-token",
	        "9:5: error: ", "client_ca \"clinic-token\" holds no certificate", "" },
	{ "a party's CA that is none", "    ca: ca.crt", "    ca: clinic-token",
	        "27:5: error: ", "ca \"clinic-token\" holds no certificate", "" },
	{ "good pairs, both ways", "    ca: ca.crt", "    ca: ca.crt\n    cert: client.crt\n    key: gateway.key", NULL,
	        "", "" },
};

/* From and until: days from now. */
static void make_certificate(const char *name, EVP_PKEY *key, const char *usage, int from, int until)
{
	X509 *cert = X509_new();
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_ext_key_usage, usage);
	FILE *file = fopen(name, "w");

	assert_true(cert != NULL && ext != NULL && file != NULL);
	assert_int_equal(X509_set_version(cert, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), 1);
	/* half an hour more, so that the whole days left do not depend on how fast the test is */
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), from * 86400L));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), until * 86400L + 1800));
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
	                         (const unsigned char *)"test", -1, -1, 0),
	        1);
	assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(cert)), 1);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_X509(file, cert), 1);
	fclose(file);
	X509_EXTENSION_free(ext);
	X509_free(cert);
}

static void write_key(const char *name, EVP_PKEY *key, const char *password)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	assert_int_equal(chmod(name, 0600), 0);
	assert_int_equal(PEM_write_PKCS8PrivateKey(file, key, password == NULL ? NULL : EVP_aes_128_cbc(), password,
	                         password == NULL ? 0 : (int)strlen(password), NULL, NULL),
	        1);
	fclose(file);
}

static void make_files(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256"), *rsa = EVP_RSA_gen(2048);

	assert_true(key != NULL && other != NULL && rsa != NULL);
	write_key("gateway.key", key, NULL);
	write_key("locked.key", key, "secret");
	write_key("other.key", other, NULL);
	write_key("rsa.key", rsa, NULL);
	make_certificate("gateway.crt", key, "serverAuth", -1, 300);
	make_certificate("client.crt", key, "clientAuth", -1, 300);
	make_certificate("expired.crt", key, "serverAuth", -20, -1);
	make_certificate("future.crt", key, "serverAuth", 2, 300);
	make_certificate("soon.crt", key, "serverAuth", -1, 10);
	make_certificate("ca.crt", other, "serverAuth", -1, 300);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	EVP_PKEY_free(rsa);
}

static bool is_about_tls(const struct conf_error *e)
{
	return strncmp(e->text, "listener ", 9) == 0 || strncmp(e->text, "party ", 6) == 0;
}

static void test_tls(void **state)
{
	const struct tls_case *c = *state;
	struct conf_errors errors;
	struct conf *conf = NULL;
	uint32_t i, n = 0;

	make_files();
	write_changed(c->from, c->to);
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), 0);
	conf_check_plugins(conf, &errors); /* it also finds no plugin in this folder */
	for (i = 0; i < errors.n; i++)
		n += is_about_tls(&errors.item[i]);
	assert_int_equal(n, c->want == NULL ? 0 : 1);
	if (c->want != NULL) {
		assert_true(is_told(&errors, c->want, c->words));
		assert_true(is_told(&errors, c->want, c->other));
	}
	conf_free(conf);
}

/* What only reading the files can tell: each key that cannot be read, at its place. */
static void test_keys_read(void **state)
{
	struct conf_errors errors;
	struct conf *conf = NULL;

	make_files();
	write_changed(NULL,
	        "keys:\n"
	        "  - {name: own, kind: sm2-private, file: rsa.key}\n"
	        "  - {name: hub, kind: sm2-public, file: ca.crt}\n"
	        "  - {name: data, kind: sm4, file: gateway.key}\n"
	        "  - {name: token, kind: secret, file: gateway.key, owner: hub, id: A1, from: 2026-01-01, to: \"2099-01-01 08:00:00\"}\n"
	        "  - {name: token-b, kind: secret, file: gateway.key, owner: hub, id: A1}\n"
	        "  - {name: old, kind: secret, file: gateway.key, owner: north, id: 1, to: 2001-01-01}\n"
	        "  - {name: new, kind: secret, file: gateway.key, owner: north, id: 2, from: 2000-12-01}\n"
	        "  - {name: ended, kind: secret, file: gateway.key, owner: south, to: 2001-01-01}\n");
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), 0);
	assert_int_equal(conf->n_keys, 8);
	conf_check_plugins(conf, &errors);
	assert_true(is_told(&errors, "59:5: error: ", "rsa.key: is no SM2 private key"));
	assert_true(is_told(&errors, "60:5: error: ", "ca.crt: is no SM2 public key"));
	assert_true(is_told(&errors, "61:5: error: ", "gateway.key: the first line must hold 32 hex digits"));
	assert_true(is_told(&errors, "63:5: error: ", "another key of owner \"hub\" has the id \"A1\" too"));
	assert_true(is_told(&errors, "66:5: warning: ", "key ended ended on 2001-01-01 00:00:00"));
	assert_true(is_told(&errors, "", "operators is not given"));
	assert_int_equal(errors.n_warnings, 2); /* the owner of old has another */
	conf_free(conf);
}

/* Signatures switched off are nothing that only a worker's log may say. */
static void test_plugin_warns(void **state)
{
	struct conf_errors errors;
	struct conf *conf = NULL;

	make_files();
	write_changed("    format: nhsa\n    url: https://127.0.0.1:9443/fsi/api\n    ca: ca.crt\n"
	              "    change_timeout_ms: 120000\n    settings: { paasid: GATEWAY01 }\n",
	        "    format: crossprovince\n    url: https://127.0.0.1:9443/ksbw\n    ca: ca.crt\n"
	        "    change_timeout_ms: 120000\n    settings: { area: \"330000\", signatures: \"no\" }\n");
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), 0);
	conf->gateway.plugin_dir = YT_PLUGIN_DIR;
	conf_check_plugins(conf, &errors);
	assert_true(is_told(&errors, "27:5: warning: ", "zhejiang: signatures are switched off"));
	conf_free(conf);
}

/* A bank whose keys are found by their owner: that there are none must not wait for the first payment. */
static void test_plugin_warns_of_keys(void **state)
{
	struct conf_errors errors;
	struct conf *conf = NULL;

	make_files();
	write_changed("    format: nhsa\n    url: https://127.0.0.1:9443/fsi/api\n    ca: ca.crt\n"
	              "    change_timeout_ms: 120000\n    settings: { paasid: GATEWAY01 }\n",
	        "    format: banklink\n    url: tls://127.0.0.1:9443\n    ca: ca.crt\n"
	        "    change_timeout_ms: 120000\n    settings: { corp_no: \"1\", operator: A }\n");
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), 0);
	conf->gateway.plugin_dir = YT_PLUGIN_DIR;
	conf_check_plugins(conf, &errors);
	assert_true(is_told(&errors, "27:5: warning: ", "keys has no sm2-private with owner \"1\" (setting corp_no)"));
	assert_true(is_told(&errors, "27:5: warning: ", "keys has no sm2-public with owner \"bank\" (setting bank)"));
	conf_free(conf);
}

/* A bank grants so many connections, however many workers we have. */
static void test_shares(void **state)
{
	struct conf_errors errors;
	struct conf *conf = NULL;

	for (uint32_t connections = 2; connections <= 9; connections++) {
		char to[100];
		uint32_t first, second;

		snprintf(to, sizeof(to), "url: tls://127.0.0.1:9443\n    connections: %u", connections);
		write_changed("url: https://127.0.0.1:9443/fsi/api", to);
		assert_int_equal(conf_load(&conf, "conf.yaml", &errors), 0);
		first = conf_party_connections(conf, &conf->parties[0], 0);
		second = conf_party_connections(conf, &conf->parties[0], 1);
		assert_int_equal(first + second, connections);
		assert_true(second >= 1 && first - second <= 1);
		conf_free(conf);
	}
	write_changed(NULL, "");
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), 0);
	assert_int_equal(conf_party_connections(conf, &conf->parties[0], 1), 64);
	conf_free(conf);
}

/* A format speaks by HTTP or over a stream; a url that says the other is found before anything is sent. */
static void test_url_of_format(void **state)
{
	static const struct {
		const char *format, *url, *settings, *words;
	} rows[] = {
		{ "nhsa", "tls://127.0.0.1:9443", "recer_sys_code: YBXT", "format nhsa does not speak over a stream" },
		{ "banklink", "https://127.0.0.1:9443/", "corp_no: \"1\", operator: A, signatures: \"no\"",
		        "format banklink speaks over a stream alone: its url must be tls://host:port" },
		{ "banklink", "tls://127.0.0.1:9443", "corp_no: \"1\", operator: A, signatures: \"no\"", NULL },
	};
	struct conf_errors errors;
	struct conf *conf = NULL;
	char to[400];

	make_files();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(to, sizeof(to),
		        "    format: %s\n    url: %s\n    ca: ca.crt\n    change_timeout_ms: 120000\n    settings: { %s }\n",
		        rows[i].format, rows[i].url, rows[i].settings);
		write_changed("    format: nhsa\n    url: https://127.0.0.1:9443/fsi/api\n    ca: ca.crt\n"
		              "    change_timeout_ms: 120000\n    settings: { paasid: GATEWAY01 }\n",
		        to);
		assert_int_equal(conf_load(&conf, "conf.yaml", &errors), 0);
		conf->gateway.plugin_dir = YT_PLUGIN_DIR;
		conf_check_plugins(conf, &errors);
		if (rows[i].words != NULL)
			assert_true(is_told(&errors, "27:5: error: ", rows[i].words));
		for (uint32_t e = 0; rows[i].words == NULL && e < errors.n; e++)
			assert_null(strstr(errors.item[e].text, "format banklink"));
		conf_free(conf);
	}
}

/* What a plugin says of its settings stands where the setting stands, not where its party begins. */
static void test_settings_of_plugins(void **state)
{
	static const struct {
		const char *settings, *place, *words;
	} rows[] = {
		{ "    settings: {must: x, may: never}\n",
		        "32:30: error: ", "zhejiang: plugin settings refused its settings: setting may is never good" },
		{ "    settings:\n      must: x\n      mst: y\n", "34:12: error: ", "has no setting \"mst\"" },
		{ "    settings: {may: x}\n", "27:5: error: ", "needs the setting \"must\"" },
	};
	struct conf_errors errors;
	struct conf *conf = NULL;
	char to[400];

	make_files();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(to, sizeof(to),
		        "    format: settings\n    url: https://127.0.0.1:9443/fsi/api\n    ca: ca.crt\n"
		        "    change_timeout_ms: 120000\n%s",
		        rows[i].settings);
		write_changed("    format: nhsa\n    url: https://127.0.0.1:9443/fsi/api\n    ca: ca.crt\n"
		              "    change_timeout_ms: 120000\n    settings: { paasid: GATEWAY01 }\n",
		        to);
		assert_int_equal(conf_load(&conf, "conf.yaml", &errors), 0);
		conf->gateway.plugin_dir = YT_PLUGIN_DIR "/test";
		conf_check_plugins(conf, &errors);
		assert_true(is_told(&errors, rows[i].place, rows[i].words));
		conf_free(conf);
	}
}

/* An insurer with TY/1.0 gives no quotes and decides nothing at once: each claim would be a follow-up like any. */
static void test_insurer_of_another_version(void **state)
{
	static const char *const versions[] = { "1.1", "1.0" };
	struct conf_errors errors;
	struct conf *conf = NULL;
	char to[400];

	make_files();
	write_file("field", "0123456789abcdeffedcba9876543210\n", 33, 0600);
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		uint32_t n = 0;

		snprintf(to, sizeof(to),
		        "    format: tianyi\n    url: https://127.0.0.1:9443/\n    ca: ca.crt\n"
		        "    change_timeout_ms: 120000\n    settings: { app_id: a, key: clinic-token, field_key: field, "
		        "version: \"%s\" }\nkeys: [ { name: field, kind: sm4, file: field } ]\n",
		        versions[i]);
		write_changed("    format: nhsa\n    url: https://127.0.0.1:9443/fsi/api\n    ca: ca.crt\n"
		              "    change_timeout_ms: 120000\n    settings: { paasid: GATEWAY01 }\n",
		        to);
		assert_int_equal(conf_load(&conf, "conf.yaml", &errors), 0);
		conf->gateway.plugin_dir = YT_PLUGIN_DIR;
		conf->routes[0].one_stop = conf->routes[0].quote = &conf->parties[0];
		conf_check_plugins(conf, &errors);
		for (uint32_t e = 0; e < errors.n; e++)
			n += strstr(errors.item[e].text, "TY/1.1") != NULL;
		assert_int_equal(n, 2 * i);
		if (n > 0) {
			assert_true(is_told(&errors, "",
			        "one_stop: zhejiang decides nothing at once, its format tianyi "
			        "needs an insurer with TY/1.1 (setting version)"));
			assert_true(is_told(&errors, "", "quote: zhejiang gives none, its format tianyi needs an"));
		}
		conf_free(conf);
	}
}

/* A secret's name that is misspelt would be found out by the first message. */
static void test_key_names(void **state)
{
	static const struct {
		const char *settings, *words; /* NULL: nothing is wrong */
	} rows[] = {
		{ "app_id: gw1, key: clinic-token, field_key: field", NULL },
		{ "app_id: gw1, key: clinic-tokn, field_key: field",
		        "zhejiang: setting key: there is no \"clinic-tokn\" in secrets or keys: did you mean \"clinic-token\"?" },
		{ "app_id: gw1, key: clinic-token, field_key: nothing-like-it",
		        "zhejiang: setting field_key: there is no \"nothing-like-it\" in secrets or keys" },
		{ "app_id: gw1, key: field, field_key: field",
		        "zhejiang: setting key: \"field\" is of kind sm4, one of kind secret is needed" },
	};
	struct conf_errors errors;
	struct conf *conf = NULL;
	char to[400];

	make_files();
	write_file("field", "0123456789abcdeffedcba9876543210\n", 33, 0600);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool any = false;

		snprintf(to, sizeof(to),
		        "    format: tianyi\n    url: https://127.0.0.1:9443/\n    ca: ca.crt\n"
		        "    change_timeout_ms: 120000\n    settings: { %s }\n"
		        "keys: [ { name: field, kind: sm4, file: field } ]\n",
		        rows[i].settings);
		write_changed("    format: nhsa\n    url: https://127.0.0.1:9443/fsi/api\n    ca: ca.crt\n"
		              "    change_timeout_ms: 120000\n    settings: { paasid: GATEWAY01 }\n",
		        to);
		assert_int_equal(conf_load(&conf, "conf.yaml", &errors), 0);
		conf->gateway.plugin_dir = YT_PLUGIN_DIR;
		conf_check_plugins(conf, &errors);
		for (uint32_t e = 0; e < errors.n; e++)
			any = any || strstr(errors.item[e].text, "setting") != NULL;
		assert_int_equal(any, rows[i].words != NULL);
		if (rows[i].words != NULL)
			assert_true(is_told(&errors, "32:", rows[i].words));
		conf_free(conf);
	}
}

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

/* A step that would be left to people some day: refused with its place, before it can. */
static const struct step_case {
	const char *steps, *operations;
	const char *want; /* NULL: nothing is wrong */
} step_cases[] = {
	{ "zhejiang, zhejiang", "inpatient.admit", NULL },
	{ "zhejiang, zhejiang", "inpatient.discharge, inpatient.discharge.cancel",
	        "step 1, \"zhejiang\": inpatient.discharge.cancel is undone by nothing" },
	{ "\"!zhejiang\", zhejiang", "inpatient.discharge, inpatient.discharge.cancel", NULL },
	{ "zhejiang, zhejiang", "inpatient.fees, outpatient.settle", NULL },
	{ "\"zhejiang:outpatient.presettle\", zhejiang", "inpatient.fees", NULL },
	{ "zhejiang, \"!zhejiang:outpatient.register?ykc700\"", "inpatient.fees",
	        "step 2, \"!zhejiang:outpatient.register?ykc700\": outpatient.register of unknown outcome" },
	{ "zhejiang, \"!zhejiang\"", "outpatient.register", "step 2, \"!zhejiang\": outpatient.register of unknown" },
	{ "zhejiang, zhejiang", "outpatient.settle.cancel", "outpatient.settle.cancel of unknown outcome" },
	{ "zhejiang, zhejiang", "inpatient.change", "step 1, \"zhejiang\": inpatient.change is undone by nothing" },
	{ "zhejiang, zhejiang", "outpatient.fees.cancel", "put ! before the step" },
	{ "zhejiang, \"zhejiang:filing.push\"", "inpatient.admit",
	        "filing.push is nothing that its party's format can say" },
};

static void test_steps_left_to_people(void **state)
{
	for (size_t i = 0; i < N_OF(step_cases); i++) {
		const struct step_case *c = &step_cases[i];
		struct conf_errors errors;
		struct conf *conf = NULL;
		uint32_t n = 0;
		char text[400];

		make_files();
		snprintf(text, sizeof(text),
		        "  - name: by-flow\n    flow: f\n    operations: [%s]\nflows:\n  - name: f\n    steps: [%s]\n",
		        c->operations, c->steps);
		write_changed(NULL, text);
		assert_int_equal(conf_load(&conf, "conf.yaml", &errors), 0);
		conf->gateway.plugin_dir = YT_PLUGIN_DIR;
		conf->parties[0].settings.item[0].key =
		        "recer_sys_code"; /* instead of a caller id, which needs a key */
		conf_check_plugins(conf, &errors);
		for (uint32_t e = 0; e < errors.n; e++)
			n += strncmp(errors.item[e].text, "flow f, ", 8) == 0;
		if ((n > 0) != (c->want != NULL))
			fail_msg("[%s] of %s: %u errors about it", c->steps, c->operations, n);
		if (c->want != NULL)
			assert_true(is_told(&errors, "62:5: error: ", c->want));
		conf_free(conf);
	}
}

/* All payouts of a list go through a ring at once, and into one commit. */
static const struct list_room {
	unsigned list_rows, ring_mib, segment_mib;
	bool takes_lists;
	const char *want; /* NULL: nothing is wrong */
} list_rooms[] = {
	{ 2048, 4, 16, true, NULL },
	{ 2049, 4, 16, true, "do not fit in ring_mib: 4: make it 5, or list_rows at most 2048" },
	{ 2049, 4, 16, false, NULL },
	{ 4096, 8, 16, true, NULL },
	{ 4097, 16, 16, true, "do not fit in segment_mib: 16: make it 17, or list_rows at most 4096" },
	{ 4097, 16, 17, true, NULL },
};

static void test_list_rooms(void **state)
{
	for (size_t i = 0; i < sizeof(list_rooms) / sizeof(list_rooms[0]); i++) {
		const struct list_room *c = &list_rooms[i];
		struct conf_errors errors;
		struct conf *conf = NULL;
		char text[400];

		make_files();
		snprintf(text, sizeof(text),
		        "  - name: lists\n    operations: [%s]\n    then: payout\n"
		        "flows:\n  - name: payout\n    steps: [\"zhejiang:pay.order\"]\n"
		        "payers:\n  - {name: p, party: zhejiang, pay_type: MA, account: \"6001\", account_name: fund}\n",
		        c->takes_lists ? "pay.batch" : "pay.order");
		write_changed(NULL, text);
		set_number("segment_mib: 16", "segment_mib", c->segment_mib, "");
		set_number("body_kib: 1024", "ring_mib", c->ring_mib, "\n  body_kib: 1024");
		set_number("body_kib: 1024", "list_rows", c->list_rows, "\n  body_kib: 1024");
		(void)conf_load(&conf, "conf.yaml", &errors);
		assert_int_equal(errors.n_errors, c->want != NULL);
		if (c->want != NULL)
			assert_true(is_told(&errors, "error: ", c->want));
		conf_free(conf);
	}
}

/* Payers and rules as the engine takes them; payouts stay here, and a flow pays them. */
static void test_payments(void **state)
{
	struct conf_errors errors;
	struct conf *conf = NULL;

	make_files();
	write_changed(NULL,
	        "  - name: payouts\n    operations: [pay.order]\n    then: payout\n"
	        "flows:\n  - name: payout\n    steps: [\"zhejiang:pay.order\", \"!zhejiang:pay.query\"]\n"
	        "payers:\n  - {name: p, party: zhejiang, pay_type: MA, account: \"6001\", account_name: fund, bank_no: "
	        "\"313332099026\", order_limit: \"5000.50\", day_limit: \"60000\", account_day_limit: \"7000\"}\n"
	        "releases:\n  - {pay_type: HS, most: \"100\", until: \"2099-12-31\", signed_by: li}\n");
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), 0);
	assert_int_equal(errors.n_errors, 0);
	assert_string_equal(conf->engine_payers[0].pay_type, "MA");
	assert_string_equal(conf->engine_payers[0].account, "6001");
	assert_int_equal(conf->engine_payers[0].order_limit_fen, 500050);
	assert_int_equal(conf->engine_payers[0].day_limit_fen, 6000000);
	assert_int_equal(conf->engine_payers[0].account_day_limit_fen, 700000);
	assert_string_equal(conf->engine_payers[0].payer, "p");
	assert_false(conf->engine_payers[0].looks_at_unchecked); /* nobody is asked about accounts */
	assert_string_equal(conf->engine_releases[0].pay_type, "HS");
	assert_int_equal(conf->engine_releases[0].most_fen, 10000);
	assert_int_equal(conf->engine_releases[0].to_day, 20991231);
	assert_true(conf->routes[1].stays_here);
	assert_string_equal(conf->routes[1].then->name, "payout");
	assert_false(conf->routes[0].stays_here);
	conf_free(conf);
}

/* What openssl makes of text, as docs/payments.md has it; into out. */
static void sign_text(const char *text, const char *key, char out[200])
{
	char command[300];
	FILE *pipe;

	write_text("rule.txt", text);
	snprintf(command, sizeof(command),
	        "openssl dgst -sm3 -sigopt distid:1234567812345678 -sign %s -out rule.sig rule.txt && base64 -w0 rule.sig",
	        key);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_non_null(fgets(out, 200, pipe));
	assert_int_equal(pclose(pipe), 0);
}

#define LI_KEY "  - {name: li, kind: sm2-public, file: li.pub, owner: 财务科 李}\n"
#define WANG_KEY "  - {name: wang, kind: sm2-public, file: wang.pub, owner: 财务科 王}\n"

/* Only what the person it names has signed releases payments: every member counts. */
static void test_signed_releases(void **state)
{
	static const char text[] = "yitong-release 1\npay_type: IN\nmost: 5000.00\nuntil: 2099-12-31\n"
	                           "signed_by: 财务科 李\nsigned_on: 2026-01-05\n";
	static const struct {
		const char *it, *keys, *rule, *signer; /* signer NULL: the rule says it all */
		bool is_production;
		const char *want; /* NULL: nothing is told */
	} rows[] = {
		{ "right", WANG_KEY LI_KEY, "pay_type: IN, most: \"5000\", until: \"2099-12-31\"", "li", true, NULL },
		{ "right, by the key before this one",
		        "  - {name: next, kind: sm2-public, file: wang.pub, owner: 财务科 李, from: \"2026-01-05\"}\n"
		        "  - {name: li, kind: sm2-public, file: li.pub, owner: 财务科 李, to: \"2026-01-06\"}\n",
		        "pay_type: IN, most: \"5000.00\", until: \"2099-12-31\"", "li", true, NULL },
		{ "another amount", LI_KEY, "pay_type: IN, most: \"5000.01\", until: \"2099-12-31\"", "li", false,
		        "error: signature is not that of 财务科 李" },
		{ "another last day", LI_KEY, "pay_type: IN, most: \"5000\", until: \"2099-12-30\"", "li", false,
		        "error: signature is not that of" },
		{ "another type", LI_KEY, "pay_type: MA, most: \"5000\", until: \"2099-12-31\"", "li", false,
		        "error: signature is not that of" },
		{ "another's signature", WANG_KEY LI_KEY, "pay_type: IN, most: \"5000\", until: \"2099-12-31\"", "wang",
		        false, "check --release 1` prints" },
		{ "the signer has no key", WANG_KEY, "pay_type: IN, most: \"5000\", until: \"2099-12-31\"", "li", false,
		        "error: signature: keys has no sm2-public of owner \"财务科 李\"" },
		{ "the signer's key was not valid yet",
		        "  - {name: li, kind: sm2-public, file: li.pub, owner: 财务科 李, from: \"2026-01-06\"}\n",
		        "pay_type: IN, most: \"5000\", until: \"2099-12-31\"", "li", false,
		        "that was valid on 2026-01-05: add the signer's" },
		{ "the signer's key had ended",
		        "  - {name: li, kind: sm2-public, file: li.pub, owner: 财务科 李, to: \"2026-01-05\"}\n",
		        "pay_type: IN, most: \"5000\", until: \"2099-12-31\"", "li", false,
		        "that was valid on 2026-01-05: add the signer's" },
		{ "a private key, which this host has",
		        "  - {name: li, kind: sm2-private, file: li.key, owner: 财务科 李}\n",
		        "pay_type: IN, most: \"5000\", until: \"2099-12-31\"", "li", false, "has no sm2-public" },
		{ "not base64", LI_KEY, "pay_type: IN, most: \"5000\", until: \"2099-12-31\", signature: \"?\"", NULL,
		        false, "error: signature is not base64" },
		{ "base64 of something else", LI_KEY,
		        "pay_type: IN, most: \"5000\", until: \"2099-12-31\", signature: bGk=", NULL, false,
		        "error: signature is not base64 of a signature in DER" },
		{ "unsigned", LI_KEY, "pay_type: IN, most: \"5000\", until: \"2099-12-31\"", NULL, false,
		        "warning: this release is not signed" },
		{ "unsigned in production", LI_KEY, "pay_type: IN, most: \"5000\", until: \"2099-12-31\"", NULL, true,
		        "error: profile production needs a signature of this release" },
	};

	make_files();
	assert_int_equal(system("for k in li wang; do openssl genpkey -algorithm SM2 -out $k.key 2>/dev/null && "
	                        "openssl pkey -in $k.key -pubout -out $k.pub && chmod 600 $k.key && chmod 644 $k.pub "
	                        "|| exit 1; done"),
	        0);
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct conf_errors errors;
		struct conf *conf = NULL;
		struct yt_buf printed = { 0 };
		char all[1200], key[20], signature[200] = "";
		uint32_t n_told = 0;

		snprintf(key, sizeof(key), "%s.key", rows[i].signer == NULL ? "li" : rows[i].signer);
		sign_text(text, key, signature);
		snprintf(all, sizeof(all),
		        "releases:\n  - {%s, signed_by: 财务科 李, signed_on: \"2026-01-05\"%s%s}\nkeys:\n%s",
		        rows[i].rule,
		        rows[i].signer == NULL ? "" : ", signature: ", rows[i].signer == NULL ? "" : signature,
		        rows[i].keys);
		write_changed(NULL, all);
		assert_int_equal(conf_load(&conf, "conf.yaml", &errors), 0);
		conf->gateway.profile = rows[i].is_production ? CONF_PRODUCTION : CONF_DEVELOPMENT;
		conf_check_plugins(conf, &errors);
		print_message("%s\n", rows[i].it);
		for (uint32_t e = 0; e < errors.n; e++)
			n_told += errors.item[e].line == 59;
		assert_int_equal(n_told, rows[i].want != NULL);
		assert_true(rows[i].want == NULL || is_told(&errors, "59:5: ", rows[i].want));
		if (rows[i].want == NULL) {
			conf_release_text(conf, 0, &printed);
			assert_true(yt_str_is(yt_buf_view(&printed), text));
			yt_buf_free(&printed);
		}
		conf_free(conf);
	}
}

/* An account that is told is kept here, and what follows asks about it, nothing else; who pays says what becomes of one
 * of which that says nothing. */
static void test_asked_accounts(void **state)
{
	static const struct {
		const char *ops, *steps, *payer;
		bool looks;
		const char *want; /* NULL: it is right, for the configuration and for the plugins */
	} rows[] = {
		{ "account.put", "bank:account.check", "", true, NULL },
		{ "account.put", "bank:account.check", ", unchecked_accounts: pay", false, NULL },
		{ "account.put", "bank:account.check\", \"bank:account.check", "", true, "it has one step" },
		{ "account.put", "bank:pay.query", "", true, "it has one step" },
		{ "settle.notice", "bank:account.check", "", false, "it can only follow" },
		{ "account.put, settle.notice", "bank:account.check", "", false, "leads to a party" },
		{ "account.put", "zhejiang:account.check", "", true, "is nothing that its party's format can say" },
	};

	for (size_t i = 0; i < N_OF(rows); i++) {
		struct conf_errors errors;
		struct conf *conf = NULL;
		char text[900];
		FILE *file;

		make_files();
		snprintf(text, sizeof(text),
		        "  - name: accounts\n    operations: [%s]\n    then: asking\n"
		        "flows:\n  - name: asking\n    steps: [\"%s\"]\n"
		        "payers:\n  - {name: p, party: bank, pay_type: IN, account: \"6001\", account_name: fund%s}\n",
		        rows[i].ops, rows[i].steps, rows[i].payer);
		write_changed("  - name: zhejiang\n",
		        "  - name: bank\n    format: banklink\n    url: tls://127.0.0.1:9448\n    ca: ca.crt\n"
		        "  - name: zhejiang\n");
		file = fopen("conf.yaml", "ae");
		assert_non_null(file);
		fputs(text, file);
		fclose(file);
		if (conf_load(&conf, "conf.yaml", &errors) == 0) {
			conf->gateway.plugin_dir = YT_PLUGIN_DIR;
			conf->parties[1].settings.item[0].key = "recer_sys_code";
			conf_check_plugins(conf, &errors);
		}
		print_message("%s, %s%s\n", rows[i].ops, rows[i].steps, rows[i].payer);
		for (uint32_t e = 0; rows[i].want == NULL && e < errors.n; e++)
			assert_null(strstr(errors.item[e].text, "account"));
		assert_true(rows[i].want == NULL || is_told(&errors, "error: ", rows[i].want));
		if (conf != NULL)
			assert_int_equal(conf->engine_payers[0].looks_at_unchecked, rows[i].looks);
		conf_free(conf);
	}
}

/* A settlement that is told is kept here, and what follows claims it: each step says what it asks, and no route takes
 * payouts and settlements at once. */
static void test_told_settlements(void **state)
{
	static const struct {
		const char *ops, *step;
		bool is_good;
	} rows[] = { { "settle.notice", "zhejiang:claim.submit", true }, { "settle.notice", "zhejiang", false },
		{ "settle.notice, pay.order", "zhejiang:claim.submit", false },
		{ "settle.notice, inpatient.settle", "zhejiang:claim.submit", false } };

	make_files();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_errors errors;
		struct conf *conf = NULL;
		char text[300];

		snprintf(text, sizeof(text),
		        "  - name: told\n    operations: [%s]\n    then: claims\n"
		        "flows:\n  - name: claims\n    steps: [\"%s\"]\n",
		        rows[i].ops, rows[i].step);
		write_changed(NULL, text);
		assert_int_equal(conf_load(&conf, "conf.yaml", &errors), rows[i].is_good ? 0 : YT_ECONF);
		if (rows[i].is_good)
			assert_true(conf->routes[1].stays_here);
		conf_free(conf);
	}
}

/* Who is asked for what was done in a day: a bank for the entries of an account, an insurer for its claims. */
static void test_asked_days(void **state)
{
	static const struct {
		const char *flow, *payer,
		        *want; /* want NULL: the configuration is right, whatever the format can say */
	} rows[] = {
		{ "claim.submit", "", NULL },
		{ "claim.submit", "", "zhejiang cannot be asked, its format nhsa has no claim.statement" },
		{ "pay.order", "", "payers has no account at party zhejiang, and no flow hands in claims there" },
		{ "claim.submit",
		        "payers:\n  - {name: p, party: zhejiang, pay_type: IN, account: \"6001\", account_name: fund}\n",
		        "zhejiang cannot be asked, its format nhsa has no statement.fetch" },
	};

	for (size_t i = 0; i < N_OF(rows); i++) {
		struct conf_errors errors;
		struct conf *conf = NULL;
		char text[500];
		FILE *file;

		make_files();
		snprintf(text, sizeof(text),
		        "  - name: told\n    operations: [settle.notice]\n    then: claims\n"
		        "flows:\n  - name: claims\n    steps: [\"zhejiang:%s\"]\n%s",
		        rows[i].flow, rows[i].payer);
		write_changed("    ca: ca.crt\n", "    ca: ca.crt\n    statement_at: [\"03:00\"]\n");
		file = fopen("conf.yaml", "ae");
		assert_non_null(file);
		fputs(text, file);
		fclose(file);
		if (conf_load(&conf, "conf.yaml", &errors) == 0 && rows[i].want != NULL) {
			conf->gateway.plugin_dir = YT_PLUGIN_DIR;
			conf->parties[0].settings.item[0].key = "recer_sys_code";
			conf_check_plugins(conf, &errors);
		}
		print_message("%s, %s\n", rows[i].flow, rows[i].want == NULL ? "right" : rows[i].want);
		assert_true(rows[i].want == NULL ? errors.n_errors == 0 : is_told(&errors, "error: ", rows[i].want));
		conf_free(conf);
	}
}

static void test_lost_route_once(void **state)
{
	struct conf_errors errors;
	struct conf *conf = NULL;

	write_changed("to: zhejiang", "to: zhejang");
	assert_int_equal(conf_load(&conf, "conf.yaml", &errors), YT_ECONF);
	assert_int_equal(errors.n, 1);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		{ "a good configuration is read as it stands", test_good, NULL, NULL, NULL },
		{ "payments are as they stand", test_payments, NULL, NULL, NULL },
		{ "a rule releases payments as its signer has signed it", test_signed_releases, NULL, NULL, NULL },
		{ "lists that no ring or commit could hold", test_list_rooms, NULL, NULL, NULL },
		{ "accounts that are told are asked about", test_asked_accounts, NULL, NULL, NULL },
		{ "settlements that are told are claimed", test_told_settlements, NULL, NULL, NULL },
		{ "who is asked for days", test_asked_days, NULL, NULL, NULL },
		{ "a flow's step that would be left to people is refused", test_steps_left_to_people, NULL, NULL,
		        NULL },
		{ "lookups find what is there and nothing else", test_lookups, NULL, NULL, NULL },
		{ "urls are taken apart", test_urls, NULL, NULL, NULL },
		{ "connections to a bank are shared out among the workers", test_shares, NULL, NULL, NULL },
		{ "a party is spoken to as its format can", test_url_of_format, NULL, NULL, NULL },
		{ "institutions may stand in a table", test_institution_table, NULL, NULL, NULL },
		{ "a file that cannot be read is told so", test_no_file, NULL, NULL, NULL },
		{ "a file over 1 MiB is refused", test_too_large, NULL, NULL, NULL },
		{ "of many errors 50 are kept and all counted", test_many_errors, NULL, NULL, NULL },
		{ "9,000 institutions are read and found", test_many_institutions, NULL, NULL, NULL },
		{ "a mangled file is answered", test_mangled, NULL, NULL, NULL },
		{ "docs/configuration.md holds the table of keys", test_manual_has_the_keys, NULL, NULL, NULL },
		{ "docs/configuration.md begins with a sample that checks", test_manual_sample, NULL, NULL, NULL },
		{ "keys that cannot be read are told at their places", test_keys_read, NULL, NULL, NULL },
		{ "what a plugin warns of when it is opened is a warning", test_plugin_warns, NULL, NULL, NULL },
		{ "so is a bank without its keys", test_plugin_warns_of_keys, NULL, NULL, NULL },
		{ "a wrong setting of a plugin is told where it stands", test_settings_of_plugins, NULL, NULL, NULL },
		{ "an insurer of another version decides nothing at once", test_insurer_of_another_version, NULL, NULL,
		        NULL },
		{ "a misspelt name of a key is told where it stands", test_key_names, NULL, NULL, NULL },
		{ "a misspelt then is one mistake", test_misspelt_then, NULL, NULL, NULL },
		{ "a route to nobody is the only thing told", test_lost_route_once, NULL, NULL, NULL },
		{ "the delivered configuration is right", test_delivered_configuration, NULL, NULL, NULL },
	};
	static struct CMUnitTest tests[N_OF(bad_cases) + N_OF(warn_cases) + N_OF(tls_cases) + N_OF(others)];
	size_t n = 0;

	for (size_t i = 0; i < N_OF(bad_cases); i++)
		tests[n++] =
		        (struct CMUnitTest){ bad_cases[i].it, test_bad, NULL, NULL, (void *)(uintptr_t)&bad_cases[i] };
	for (size_t i = 0; i < N_OF(warn_cases); i++)
		tests[n++] = (struct CMUnitTest){ warn_cases[i].it, test_warned, NULL, NULL,
			(void *)(uintptr_t)&warn_cases[i] };
	for (size_t i = 0; i < N_OF(tls_cases); i++)
		tests[n++] =
		        (struct CMUnitTest){ tls_cases[i].it, test_tls, NULL, NULL, (void *)(uintptr_t)&tls_cases[i] };
	for (size_t i = 0; i < N_OF(others); i++)
		tests[n++] = others[i];
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
