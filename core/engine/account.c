/* core/engine/account.c - the account that a person names is asked about at a bank before anything is paid to it.
 *
 *   asking.c route()       what follows an account.put, by its route: a flow with the step BANK:account.check
 *   flow.c end_here()   -> account_is_asked_about()  beside the account stands that its bank is being asked
 *   flow_send.c         -> account_question()        does this name belong to this account
 *   flow.c              -> account_end()             what the bank said is a fact of exactly that account; with it the
 *                                                    person's claims go on (journal/keeper_waiting.c)
 *   flow.c, resolve.c   -> account_note_decided()    ... or what people decided instead of the bank
 *   flow_pay.c          -> account_lacks()           a claim is not paid before its bank said yes, or cannot say */
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "engine/flow_parts.h"

#define FITS "1"
#define ANOTHERS "2" /* or there is none of that number, or it is closed */
#define CANNOT_SAY "3"
#define BY_PEOPLE "decided" /* code of an answer that is not its bank's */

static const struct yt_node *payee_of(const struct yt_msg *put)
{
	return yt_node_get(put->body, "payee");
}

struct yt_str account_settlement(const struct task *t)
{
	return yt_arena_printf(t->arena, "account/%016llx", (unsigned long long)t->id);
}

void account_is_asked_about(const struct task *t, struct yt_node *piece)
{
	if (t->original->op->id == YT_OP_ACCOUNT_PUT && t->x.then[0] != '\0')
		YT_REQUIRE(yt_node_add_text(t->arena, piece, "check", YT_STR("asked")) != NULL);
}

static void put(struct task *t, struct yt_node *data, const char *name, struct yt_str text)
{
	YT_REQUIRE(text.n == 0 || yt_node_set_text(t->arena, data, name, text) == 0);
}

struct yt_msg *account_question(struct engine *e, struct task *t)
{
	const struct yt_node *payee = payee_of(t->original);
	struct yt_msg *msg = yt_msg_new(t->arena);
	struct yt_node *data;

	if (msg == NULL || payee == NULL)
		return NULL;
	msg->op = yt_op(YT_OP_ACCOUNT_CHECK);
	msg->wire_op = undo_wire_op(&t->party->codec, msg->op->id);
	msg->institution = cross_institution(e, t->original->institution);
	msg->body = yt_node_new(t->arena, YT_OBJECT);
	data = yt_node_add(t->arena, msg->body, YT_STR("data"), YT_OBJECT);
	YT_REQUIRE(data != NULL);
	put(t, data, "payee_acct", yt_node_text(payee, "bank_acct_no"));
	put(t, data, "payee_name", yt_node_text(payee, "name"));
	put(t, data, "payee_bank_no", yt_node_text(payee, "bank_no"));
	return msg;
}

static const char *hex_of(const uint8_t digest[16], char hex[33])
{
	for (size_t i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return hex;
}

/* Under the hash of account, name and bank: another of them told later is another account. */
static void keep_answer(struct engine *e, struct task *t, const char *result, struct yt_str code)
{
	const struct yt_node *payee = payee_of(t->original);
	struct yt_node *piece = yt_node_new(t->arena, YT_OBJECT);
	struct yt_msg kept = *t->original;
	uint8_t digest[16];
	char hex[33];

	YT_REQUIRE(piece != NULL);
	pay_hash_payee(e, t, yt_node_text(payee, "bank_acct_no"), yt_node_text(payee, "name"),
	        yt_node_text(payee, "bank_no"), digest);
	YT_REQUIRE(yt_node_add_text(t->arena, piece, "op", YT_STR("account.check")) != NULL &&
	           yt_node_add_text(t->arena, piece, "payee", yt_arena_copy(t->arena, yt_str(hex_of(digest, hex)))) !=
	                   NULL &&
	           yt_node_add_text(t->arena, piece, "result", yt_str(result)) != NULL &&
	           yt_node_add_text(t->arena, piece, "code", code) != NULL);
	kept.visit = kept.own_visit = (struct yt_str){ 0 }; /* the person's, as the account is */
	cross_write_facts(&t->receipt, e, t->id, &kept, NULL, piece);
}

void account_end(struct engine *e, struct task *t)
{
	const struct yt_reply *heard = t->run->heard[0];
	struct yt_str said = facts_get(&t->run->facts, "check_result");
	bool is_refused = heard != NULL && heard->outcome == YT_REFUSED;
	const char *result = is_refused || yt_str_is(said, ANOTHERS) ? ANOTHERS
	                     : yt_str_is(said, FITS)                 ? FITS
	                                                             : CANNOT_SAY;
	struct yt_reply *reply = yt_reply_new(t->arena);

	YT_REQUIRE(reply != NULL);
	reply->code = is_refused ? heard->code : yt_str(result);
	keep_answer(e, t, result, reply->code);
	if (strcmp(result, ANOTHERS) == 0) {
		reply->outcome = YT_REFUSED;
		task_resolve_refused(e, t, reply,
		        is_refused ? N_("its bank refuses the account")
		                   : N_("the account's holder has another name, says its bank"));
		return;
	}
	task_resolve_done(e, t, reply,
	        strcmp(result, FITS) == 0 ? N_("the name is the account's holder's, says its bank")
	                                  : N_("its bank cannot say whose the account is"));
}

/* Done is no word of its bank's: the account counts as one that nobody has checked. */
void account_note_decided(struct engine *e, struct task *t)
{
	if (task_is_follow_up(t) && t->original->op->id == YT_OP_ACCOUNT_PUT)
		keep_answer(e, t, t->x.state == X_DONE ? CANNOT_SAY : ANOTHERS, YT_STR(BY_PEOPLE));
}

/* The newest account of the person: whether its bank is asked about it; and what was said of the one that is paid. */
static void look(const struct task *t, const char *hex, bool *is_asked, const struct yt_node **answer)
{
	for (const struct yt_node *p = t->run->facts.pieces->child; p != NULL; p = p->next) {
		struct yt_str op = yt_node_text(p, "op");

		if (yt_str_is(op, "account.put"))
			*is_asked = yt_node_text(p, "check").n > 0;
		else if (yt_str_is(op, "account.check") && yt_str_is(yt_node_text(p, "payee"), hex))
			*answer = p;
	}
}

const char *account_lacks(const struct task *t, struct pay_order *order)
{
	const struct yt_node *answer = NULL;
	bool is_asked = false;
	struct yt_str result, code;
	char hex[33];

	if (!pay_goes_anew(t)) /* an agency's own payout names its account itself */
		return NULL;
	look(t, hex_of(order->to_whom, hex), &is_asked, &answer);
	result = yt_node_text(answer, "result");
	code = yt_node_text(answer, "code");
	if (yt_str_is(result, ANOTHERS))
		return yt_str_is(code, ANOTHERS)    ? N_("waits: account: its holder has another name, says its bank")
		       : yt_str_is(code, BY_PEOPLE) ? N_("waits: account: people have refused it")
		                                    : N_("waits: account: its bank refuses it");
	if (answer == NULL && is_asked)
		return N_("waits: account: its bank has not said yet whose it is");
	order->is_unchecked = !yt_str_is(result, FITS);
	return NULL;
}
