/* sandbox/people.h - who comes to the hospitals and what it costs: invented from a seed, or from a file.
 *
 * The file (--traffic) is JSON; all amounts are texts, so that nothing is rounded on the way:
 *   {"people": [{"certno": "330299198003071234", "name": "示例一", "insutype": "310",
 *                "balance": "1860.42", "civil_servant": false, "aid": false, "insuplc_admdvs": "330213"}],
 *    "bills":  [[{"code": "XA01ABD075A002010100483", "name": "某药", "price": "12.50", "count": "2"}]]}
 * people: at least one; certno with a right check digit; insutype 310, 390 or 340 (default 310).
 * Whose insuplc_admdvs does not begin with 33 is a guest, insured in another province; aid: paid for by medical aid,
 * guests only.  Whose does with 3307 is insured in Jinhua.  Without any of one sort those are invented.
 * bills: at least one; visits take people and bills in turn.  `yitong-sandbox traffic` prints one. */
#ifndef SANDBOX_PEOPLE_H
#define SANDBOX_PEOPLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BILL_LINES_MAX 100

struct patient {
	char certno[19], name[51], insutype[4], insuplc[7];
	int64_t balance_fen;
	bool is_civil_servant, has_aid;
};

bool patient_is_guest(const struct patient *patient);
bool patient_is_of_jinhua(const struct patient *patient); /* insuplc 3307: within the province */

struct bill_line {
	char code[51], name[101];
	int64_t price_fen, count_e4, amount_fen;
};

struct bill {
	size_t n_lines;
	struct bill_line *lines;
	int64_t total_fen;
};

struct traffic {
	size_t n_patients, n_bills;
	struct patient *patients;
	struct bill *bills;
};

/* The check digit of the first 17 characters of an identity number (GB 11643). */
char certno_check_digit(const char *certno);

/* As many bills as people of all sorts. */
void traffic_invent(struct traffic *traffic, uint64_t seed, size_t n_locals, size_t n_jinhua, size_t n_guests);
/* Adds invented people of a sort that a file had none of. */
void traffic_complete(struct traffic *traffic, uint64_t seed, size_t n_locals, size_t n_jinhua, size_t n_guests);
/* 0, or -1 after telling on stderr which member is wrong and how it should be. */
int traffic_read(struct traffic *traffic, const char *path);
json_t *traffic_json(const struct traffic *traffic);
/* As POST /persons of the control ports takes it: the platform's the locals, the hub's the guests. */
json_t *traffic_persons(const struct traffic *traffic, bool of_guests);
void traffic_free(struct traffic *traffic);

#endif
