/* sandbox/people.c - invented or given patients and bills (people.h). */
#include "people.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char certno_check_digit(const char *certno)
{
	static const int weights[17] = { 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2 };
	int sum = 0;

	for (int i = 0; i < 17; i++)
		sum += (certno[i] - '0') * weights[i];
	return "10X98765432"[sum % 11];
}

/* Invention. */

static const struct {
	const char *code, *name;
	int price_from, price_to; /* fen */
} goods[] = {
	{ "XA10BAE040A001010100483", "盐酸二甲双胍缓释片", 1200, 4800 },
	{ "XC08CAA057A001010304156", "苯磺酸氨氯地平片", 800, 3900 },
	{ "XJ01DCT008B002020178027", "注射用头孢曲松钠", 2300, 9700 },
	{ "XN02BEB021A001010102548", "布洛芬缓释胶囊", 1500, 3200 },
	{ "ZA06BAY0125010100166", "银翘解毒颗粒", 1100, 2600 },
	{ "001101000010000-110100001", "普通门诊诊察费", 1000, 2500 },
	{ "002503010010000-250301002", "血细胞分析", 1500, 2000 },
	{ "002203010010000-220301003", "彩色多普勒超声检查", 9000, 16000 },
	{ "001201000010000-120100004", "静脉输液", 800, 1400 },
	{ "002107010010000-210701026", "计算机断层扫描", 18000, 32000 },
	{ "C1402052000000000000017", "一次性使用留置针", 3000, 90000 },
	{ "001109000010000-110900009", "特需病房加收", 5000, 20000 },
};

#define N_GOODS (sizeof(goods) / sizeof(*goods))

static void line_price(struct bill_line *line)
{
	int64_t scaled = line->price_fen * line->count_e4;

	line->amount_fen = (scaled + (scaled < 0 ? -5000 : 5000)) / 10000;
}

bool patient_is_guest(const struct patient *patient)
{
	return strncmp(patient->insuplc, "33", 2) != 0;
}

bool patient_is_of_jinhua(const struct patient *patient)
{
	return strncmp(patient->insuplc, "3307", 4) == 0;
}

static void bill_invent(struct bill *bill, uint64_t *random)
{
	bill->n_lines = 2 + random_below(random, 5);
	bill->lines = must(calloc(bill->n_lines, sizeof(*bill->lines)));
	for (size_t i = 0; i < bill->n_lines; i++) {
		struct bill_line *line = &bill->lines[i];
		size_t kind = random_below(random, N_GOODS);
		uint64_t range = (uint64_t)(goods[kind].price_to - goods[kind].price_from);

		text_format(line->code, sizeof(line->code), "%s", goods[kind].code);
		text_format(line->name, sizeof(line->name), "%s", goods[kind].name);
		line->price_fen = goods[kind].price_from + (int64_t)random_below(random, range);
		line->count_e4 = (int64_t)(1 + random_below(random, 4)) * 10000;
		if (random_below(random, 6) == 0)
			line->count_e4 += 2500; /* a quarter: quantities have decimals */
		line_price(line);
		bill->total_fen += line->amount_fen;
	}
}

/* Invented so that nobody is meant: 330299 is a pool of the insurance, no place where people are born. */
static void patient_invent(struct patient *patient, uint64_t *random, size_t number)
{
	static const char *const digits[] = { "零", "一", "二", "三", "四", "五", "六", "七", "八", "九" };
	bool is_resident = random_below(random, 5) < 2;

	text_format(patient->certno, sizeof(patient->certno), "330299%04d%02d%02d%03d",
	        1940 + (int)random_below(random, 80), 1 + (int)random_below(random, 12),
	        1 + (int)random_below(random, 28), (int)(number % 1000));
	patient->certno[17] = certno_check_digit(patient->certno);
	patient->certno[18] = '\0';
	text_format(patient->name, sizeof(patient->name), "示例%s%s%s", digits[number / 100 % 10],
	        digits[number / 10 % 10], digits[number % 10]);
	text_format(patient->insutype, sizeof(patient->insutype), is_resident ? "390" : "310");
	text_format(patient->insuplc, sizeof(patient->insuplc), "330213");
	if (is_resident)
		return;
	patient->balance_fen = (int64_t)random_below(random, 500000);
	patient->is_civil_servant = random_below(random, 6) == 0;
}

/* Another insured place and birth place, and one character more in the name. */
static void move_to(struct patient *patient, const char *insuplc, const char *mark)
{
	text_format(patient->insuplc, sizeof(patient->insuplc), "%s", insuplc);
	memcpy(patient->certno, insuplc, 4);
	patient->certno[17] = certno_check_digit(patient->certno);
	memmove(patient->name + 9, patient->name + 6, strlen(patient->name + 6) + 1); /* 示例客一二三 */
	memcpy(patient->name + 6, mark, 3);
}

/* Of Shanghai and two places in Gansu; their codes end in 99 too. */
static void guest_invent(struct patient *guest, uint64_t *random, size_t number)
{
	static const char *const areas[] = { "310115", "621000", "310104", "620102" };

	patient_invent(guest, random, number);
	move_to(guest, areas[number % 4], "客");
	guest->is_civil_servant = false;
	guest->has_aid = strcmp(guest->insutype, "390") == 0 && random_below(random, 3) == 0;
}

static void jinhua_invent(struct patient *patient, uint64_t *random, size_t number)
{
	patient_invent(patient, random, number);
	move_to(patient, "330702", "婺");
}

void traffic_invent(struct traffic *traffic, uint64_t seed, size_t n_locals, size_t n_jinhua, size_t n_guests)
{
	static void (*const invent[])(
	        struct patient *, uint64_t *, size_t) = { patient_invent, jinhua_invent, guest_invent };
	const size_t counts[] = { n_locals, n_jinhua, n_guests };
	uint64_t random = seed;
	size_t n = 0;

	traffic->n_patients = traffic->n_bills = n_locals + n_jinhua + n_guests;
	traffic->patients = must(calloc(traffic->n_patients + 1, sizeof(*traffic->patients)));
	traffic->bills = must(calloc(traffic->n_patients + 1, sizeof(*traffic->bills)));
	for (size_t sort = 0; sort < 3; sort++)
		for (size_t i = 0; i < counts[sort]; i++, n++) {
			invent[sort](&traffic->patients[n], &random, i + 1);
			bill_invent(&traffic->bills[n], &random);
		}
}

void traffic_complete(struct traffic *traffic, uint64_t seed, size_t n_locals, size_t n_jinhua, size_t n_guests)
{
	size_t n_known_guests = 0, n_known_jinhua = 0, n = traffic->n_patients;
	struct traffic invented = { 0 };

	for (size_t i = 0; i < n; i++) {
		n_known_guests += patient_is_guest(&traffic->patients[i]);
		n_known_jinhua += patient_is_of_jinhua(&traffic->patients[i]);
	}
	traffic_invent(&invented, seed, n_known_guests + n_known_jinhua == n ? n_locals : 0,
	        n_known_jinhua == 0 ? n_jinhua : 0, n_known_guests == 0 ? n_guests : 0);
	traffic->patients =
	        must(realloc(traffic->patients, (n + invented.n_patients + 1) * sizeof(*traffic->patients)));
	memcpy(traffic->patients + n, invented.patients, invented.n_patients * sizeof(*invented.patients));
	traffic->n_patients = n + invented.n_patients;
	traffic_free(&invented);
}

/* The file. */

static int wrong(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int wrong(const char *path, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "yitong-sandbox: %s: ", path);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return -1;
}

static bool certno_is_right(const char *certno)
{
	return strlen(certno) == 18 && strspn(certno, "0123456789") >= 17 && certno[17] == certno_check_digit(certno);
}

static int patient_read(struct patient *patient, const json_t *row, const char *path, size_t i)
{
	const char *certno = json_text(row, "certno"), *name = json_text(row, "name");
	const char *insutype = json_text(row, "insutype"), *insuplc = json_text(row, "insuplc_admdvs");
	const char *balance = json_text(row, "balance");

	if (!certno_is_right(certno))
		return wrong(path,
		        "people[%zu].certno: an identity number of 18 characters with its right check digit is needed"
		        "%s%.1s",
		        i, strlen(certno) == 18 && strspn(certno, "0123456789") >= 17 ? ", which is " : "",
		        strlen(certno) == 18 && strspn(certno, "0123456789") >= 17
		                ? (char[]){ certno_check_digit(certno), 0 }
		                : "");
	if (*name == '\0' || strlen(name) >= sizeof(patient->name))
		return wrong(path, "people[%zu].name: a text of 1 to 50 bytes is needed", i);
	if (*insutype != '\0' && strcmp(insutype, "310") != 0 && strcmp(insutype, "390") != 0 &&
	        strcmp(insutype, "340") != 0)
		return wrong(path, "people[%zu].insutype: %s is not 310, 390 or 340", i, insutype);
	if (*insuplc != '\0' && strlen(insuplc) != 6)
		return wrong(path, "people[%zu].insuplc_admdvs: six digits are needed", i);
	if (*balance != '\0' && fen_parse(balance, &patient->balance_fen) != 0)
		return wrong(path, "people[%zu].balance: a text like \"1860.42\" is needed", i);
	text_format(patient->certno, sizeof(patient->certno), "%s", certno);
	text_format(patient->name, sizeof(patient->name), "%s", name);
	text_format(patient->insutype, sizeof(patient->insutype), "%s", *insutype == '\0' ? "310" : insutype);
	text_format(patient->insuplc, sizeof(patient->insuplc), "%s", *insuplc == '\0' ? "330213" : insuplc);
	patient->is_civil_servant = json_is_true(json_object_get(row, "civil_servant"));
	patient->has_aid = json_is_true(json_object_get(row, "aid"));
	return 0;
}

/* "2", "1.5", at most four decimals; in 1/10000. */
static int count_read(const char *text, int64_t *count_e4)
{
	char *end;
	double value = strtod(text, &end);

	*count_e4 = (int64_t)(value * 10000 + (value < 0 ? -0.5 : 0.5));
	return *text == '\0' || *end != '\0' || value == 0 || value > 99999 || value < -99999 ? -1 : 0;
}

static int line_read(struct bill_line *line, const json_t *row, const char *path, size_t i, size_t j)
{
	const char *code = json_text(row, "code"), *name = json_text(row, "name");

	if (*code == '\0' || strlen(code) >= sizeof(line->code))
		return wrong(path, "bills[%zu][%zu].code: a national code of 1 to 50 characters is needed", i, j);
	if (fen_parse(json_text(row, "price"), &line->price_fen) != 0 || line->price_fen > 100000000)
		return wrong(path, "bills[%zu][%zu].price: a text like \"12.50\", at most 1000000.00, is needed", i, j);
	if (count_read(json_text(row, "count"), &line->count_e4) != 0)
		return wrong(path, "bills[%zu][%zu].count: a text like \"2\" or \"1.5\", not 0, is needed", i, j);
	text_format(line->code, sizeof(line->code), "%s", code);
	text_format(line->name, sizeof(line->name), "%s", *name == '\0' ? code : name);
	line_price(line);
	return 0;
}

static int bill_read(struct bill *bill, const json_t *rows, const char *path, size_t i)
{
	bill->n_lines = json_array_size(rows);
	if (bill->n_lines == 0 || bill->n_lines > BILL_LINES_MAX) {
		bill->n_lines = 0;
		return wrong(path, "bills[%zu]: an array of 1 to %d lines is needed", i, BILL_LINES_MAX);
	}
	bill->lines = must(calloc(bill->n_lines, sizeof(*bill->lines)));
	for (size_t j = 0; j < bill->n_lines; j++) {
		if (line_read(&bill->lines[j], json_array_get(rows, j), path, i, j) != 0)
			return -1;
		bill->total_fen += bill->lines[j].amount_fen;
	}
	return bill->total_fen > 0 ? 0 : wrong(path, "bills[%zu]: the lines add up to nothing", i);
}

static int traffic_fill(struct traffic *traffic, const json_t *root, const char *path)
{
	const json_t *people = json_object_get(root, "people"), *bills = json_object_get(root, "bills");
	size_t i;

	if (json_array_size(people) == 0 || json_array_size(bills) == 0)
		return wrong(path, "people and bills are needed, each an array of at least one; "
		                   "`yitong-sandbox traffic` prints an example");
	traffic->patients = must(calloc(json_array_size(people), sizeof(*traffic->patients)));
	traffic->bills = must(calloc(json_array_size(bills), sizeof(*traffic->bills)));
	traffic->n_patients = json_array_size(people);
	traffic->n_bills = json_array_size(bills);
	for (i = 0; i < traffic->n_patients; i++)
		if (patient_read(&traffic->patients[i], json_array_get(people, i), path, i) != 0)
			return -1;
	for (i = 0; i < traffic->n_bills; i++)
		if (bill_read(&traffic->bills[i], json_array_get(bills, i), path, i) != 0)
			return -1;
	return 0;
}

int traffic_read(struct traffic *traffic, const char *path)
{
	json_error_t error;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	int rv;

	if (root == NULL)
		return wrong(path, "line %d column %d: %s", error.line, error.column, error.text);
	rv = traffic_fill(traffic, root, path);
	json_decref(root);
	if (rv != 0)
		traffic_free(traffic);
	return rv;
}

static json_t *bill_json(const struct bill *bill)
{
	json_t *rows = must(json_array());

	for (size_t j = 0; j < bill->n_lines; j++) {
		char price[24], count[32];

		fen_text(bill->lines[j].price_fen, price);
		text_format(count, sizeof(count), "%g", (double)bill->lines[j].count_e4 / 10000);
		json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s}", "code", bill->lines[j].code, "name",
		                                    bill->lines[j].name, "price", price, "count", count));
	}
	return rows;
}

json_t *traffic_json(const struct traffic *traffic)
{
	json_t *people = must(json_array()), *bills = must(json_array());

	for (size_t i = 0; i < traffic->n_patients; i++) {
		const struct patient *patient = &traffic->patients[i];
		char balance[24];

		fen_text(patient->balance_fen, balance);
		json_array_append_new(
		        people, json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:s}", "certno", patient->certno, "name",
		                        patient->name, "insutype", patient->insutype, "balance", balance,
		                        "civil_servant", patient->is_civil_servant, "aid", patient->has_aid,
		                        "insuplc_admdvs", patient->insuplc));
	}
	for (size_t i = 0; i < traffic->n_bills; i++)
		json_array_append_new(bills, bill_json(&traffic->bills[i]));
	return must(json_pack("{s:o, s:o}", "people", people, "bills", bills));
}

json_t *traffic_persons(const struct traffic *traffic, bool of_guests)
{
	json_t *persons = must(json_array());

	for (size_t i = 0; i < traffic->n_patients; i++) {
		const struct patient *patient = &traffic->patients[i];

		if (patient_is_guest(patient) != of_guests)
			continue;
		json_array_append_new(
		        persons, json_pack("{s:s, s:s, s:s, s:I, s:b, s:b, s:s}", "certno", patient->certno, "name",
		                         patient->name, "insutype", patient->insutype, "balance_fen",
		                         (json_int_t)patient->balance_fen, "civil_servant", patient->is_civil_servant,
		                         "aid", patient->has_aid, "insuplc_admdvs", patient->insuplc));
	}
	return persons;
}

void traffic_free(struct traffic *traffic)
{
	for (size_t i = 0; i < traffic->n_bills; i++)
		free(traffic->bills[i].lines);
	free(traffic->patients);
	free(traffic->bills);
	memset(traffic, 0, sizeof(*traffic));
}
