/* plugins/insurer/outcome.c - what an insurer's codes prove, both directions; numbers of ours, and finding out what
 * became of a claim whose answer was lost. */
#include <string.h>

#include "insurer.h"

/* -- codes -------------------------------------------------------------------------------------- */

const struct ins_code *ins_code_at(const struct ins_codes *codes, struct yt_str code)
{
	for (const struct ins_code *c = codes->rows; c->code != NULL; c++)
		if (yt_str_is(code, c->code))
			return c;
	return NULL;
}

int ins_refused(struct yt_plugin *self, const struct ins_codes *codes, const struct ins_code *c,
        const struct yt_msg *msg, struct yt_reply *reply, struct yt_str claim)
{
	reply->outcome = YT_REFUSED;
	reply->may_retry = c->class == INS_RETRY || strcmp(c->code, codes->used) == 0;
	reply->at_gateway = c->class == INS_ON_ITS_WAY || c->class == INS_RETRY; /* busy: as little of an earlier try */
	reply->too_late = msg->op->id == YT_OP_CLAIM_WITHDRAW && strcmp(c->code, codes->too_late) == 0;
	if (c->alarms)
		yt_plugin_log(self, YT_ERROR, "%s was refused with %s: keys, clock or our own program", msg->op->name,
		        c->code);
	if (c->class != INS_THERE || claim.n == 0)
		return 0;
	reply->already_done = true; /* its number is ours from now on */
	reply->number = claim;
	return yt_node_add_text(reply->arena, yt_node_get(reply->body, "data"), "claim_no", claim) != NULL ? 0
	                                                                                                   : YT_ENOMEM;
}

struct yt_str ins_refusal_code(const struct ins_codes *codes, const struct yt_msg *msg, const struct yt_reply *reply)
{
	/* One who asks whether the person is insured may hear so; an unknown outcome must not read as refused. */
	if (ins_code_at(codes, reply->code) != NULL)
		return reply->code;
	if (msg->refusal.n > 0)
		return msg->refusal;
	for (const struct ins_own *own = codes->own; own->code != NULL; own++)
		if (own->text == reply->own_text)
			return yt_str(own->code);
	return yt_str(reply->may_retry ? codes->busy : codes->too_late);
}

/* -- numbers ------------------------------------------------------------------------------------ */

int ins_make_number(
        const char prefix[3], struct yt_arena *arena, int64_t wall_ms, uint64_t serial, struct yt_str *number)
{
	char time[15];

	yt_time_compact(wall_ms, time);
	*number = yt_arena_printf(
	        arena, "%s%.8s%012llu", prefix, time, (unsigned long long)(serial % UINT64_C(1000000000000)));
	return number->p != NULL ? 0 : YT_ENOMEM;
}

bool ins_is_number(const char prefix[3], struct yt_str s)
{
	if (s.n != INS_NUMBER_LEN || memcmp(s.p, prefix, 2) != 0)
		return false;
	for (size_t i = 2; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

/* -- finding out -------------------------------------------------------------------------------- */

static struct yt_str keep(struct yt_arena *arena, struct yt_str s)
{
	return s.n > 0 ? yt_arena_copy(arena, s) : (struct yt_str){ "", 0 };
}

int ins_query_for(const struct yt_msg *original, const char *wire, struct yt_str number, struct yt_msg *query)
{
	struct yt_node *data;

	query->op = yt_op(YT_OP_CLAIM_QUERY);
	query->wire_op = yt_str(wire);
	query->institution = keep(query->arena, original->institution);
	query->person = keep(query->arena, original->person);
	query->visit = keep(query->arena, original->visit);
	query->settlement = keep(query->arena, original->settlement);
	query->body = yt_node_new(query->arena, YT_OBJECT);
	data = yt_node_add(query->arena, query->body, YT_STR("data"), YT_OBJECT);
	number = keep(query->arena, number);
	if (number.p == NULL || query->institution.p == NULL || query->person.p == NULL || query->visit.p == NULL ||
	        query->settlement.p == NULL || yt_node_add_text(query->arena, data, "request_no", number) == NULL)
		return YT_ENOMEM;
	return 0;
}

enum yt_judgement ins_judge(
        const struct ins_codes *codes, struct yt_str number, const struct yt_reply *answer, struct yt_reply *adopted)
{
	const struct yt_node *data = yt_node_get(answer->body, "data");

	if (answer->outcome == YT_REFUSED && yt_str_is(answer->code, codes->absent))
		return YT_ABSENT;
	if (answer->outcome != YT_DONE || number.n == 0 || !yt_str_eq(yt_node_text(data, "request_no"), number))
		return YT_UNSURE;
	adopted->outcome = YT_DONE;
	adopted->code = yt_str(codes->done);
	adopted->text = answer->text;
	adopted->number = yt_node_text(data, "claim_no");
	adopted->body = answer->body;
	return YT_FOUND;
}

/* -- rows and settings -------------------------------------------------------------------------- */

const struct ins_schema *ins_schema_of(const struct ins_schema *schemas, struct yt_str wire)
{
	while (schemas->wire != NULL && !yt_str_is(wire, schemas->wire))
		schemas++;
	return schemas->wire != NULL ? schemas : NULL;
}

const char *ins_wire_of(const struct yt_wire_op *ops, enum yt_operation op)
{
	while (ops->wire != NULL && ops->op != op)
		ops++;
	return ops->wire;
}

int64_t ins_seconds(struct yt_str text)
{
	int64_t n = text.n > 0 ? 0 : 100000;

	for (size_t i = 0; i < text.n && n < 100000; i++)
		n = text.p[i] >= '0' && text.p[i] <= '9' ? n * 10 + (text.p[i] - '0') : 100000;
	return n;
}

int ins_bad_setting(struct yt_plugin *self, const char *key, const char *why)
{
	yt_plugin_log(self, YT_ERROR, "setting %s %s", key, why);
	return YT_ECONF;
}
