/* sandbox/insurer_listed.c - an insurer's list of a day that says something else than its book (POST /listed).
 *
 * insurer_book.c insurer_reconciliation() asks here for each row; what a claim's query answers stays as it is. */
#include "insurer.h"
#include "text.h"

#include <string.h>

bool insurer_listed_on(const json_t *listed, const char *setl_id, const char *day)
{
	return strcmp(json_text(json_object_get(listed, setl_id), "day"), day) == 0;
}

/* What the book has of a claim is not touched: its result is copied. */
json_t *insurer_listed_row(const json_t *listed, const char *setl_id, json_t *row)
{
	const json_t *said = json_object_get(listed, setl_id), *fen = json_object_get(said, "payable");
	const char *status = json_text(said, "status");
	json_t *result;

	if (*status != '\0')
		json_object_set_new(row, "status", json_string(status));
	if (fen == NULL)
		return row;
	result = json_deep_copy(json_object_get(row, "result"));
	result = result != NULL ? result : must(json_object());
	json_object_set_new(result, "payable", json_integer(json_integer_value(fen)));
	json_object_set_new(row, "result", result);
	json_object_del(row, "payment"); /* it says the sum, too */
	return row;
}

int insurer_listed_strays(const json_t *listed, const char *day, json_t *rows)
{
	const char *setl_id;
	json_t *said, *row;
	int n = 0;

	json_object_foreach((json_t *)listed, setl_id, said)
	{
		if (!json_is_true(json_object_get(said, "is_stray")) || !insurer_listed_on(listed, setl_id, day))
			continue;
		row = must(json_pack("{s:s, s:s, s:s, s:s}", "claimNo", "STRAY00000000001", "requestNo",
		        "STRAY00000000000000001", "setlId", setl_id, "status", "PAID"));
		if (rows != NULL)
			json_array_append(rows, insurer_listed_row(listed, setl_id, row));
		json_decref(row);
		n++;
	}
	return n;
}
