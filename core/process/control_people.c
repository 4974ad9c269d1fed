/* core/process/control_people.c - who asks over the control socket, whether he may, and what needs two persons.
 *
 * Who asks is whom the socket says (SO_PEERCRED): an operator with a `user` is that Unix user's alone, as the system
 * knew him when the configuration came, so that no directory holds up the loop; one without may be named by the
 * gateway's own user or root.  Without `operators` in the configuration the name that is given is taken.
 *
 *   control_decide()    of two persons' matters only a proposal, in the journal and in memory until it expires
 *   control_confirm()   the second person: another one, and a checker; only now the machine decides */
#include "process/control_parts.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "yitong/plugin.h"

#define PROPOSALS_MAX 256
#define PASSWD_BYTES 16384 /* of one user, as the directory tells */

/* -- who ------------------------------------------------------------------------------------------- */

static const struct {
	const char *act;
	unsigned roles; /* any of them */
} needs[] = {
	{ "decide", CONF_BUSINESS },
	{ "confirm", CONF_CHECKER },
	{ "lane", CONF_BUSINESS | CONF_SYSTEM },
	{ "audit", CONF_AUDITOR | CONF_BUSINESS | CONF_CHECKER }, /* show --raw, enrolment check */
	{ "enrolment", CONF_BUSINESS | CONF_SYSTEM },             /* another list in place of the one there */
	{ "erase", CONF_SECURITY },
	{ "reindex", CONF_SYSTEM },
};

/* A directory that does not answer says nothing: who he was he is, for the operator of that Unix user. */
static struct known_user as_before(const struct control *control, const char *user)
{
	for (uint32_t i = 0; i < control->n_users; i++)
		if (control->users[i].is_there && strcmp(control->users[i].name, user) == 0)
			return control->users[i];
	return (struct known_user){ .is_there = false };
}

static struct known_user learn_user(const struct control *control, const struct conf_operator *o)
{
	struct known_user user = { .is_there = false };
	struct passwd pw, *found = NULL;
	char space[PASSWD_BYTES];
	int error = getpwnam_r(o->user, &pw, space, sizeof(space), &found);

	if (found != NULL) {
		user.uid = found->pw_uid;
		user.is_there = true;
	} else if (error != 0) {
		user = as_before(control, o->user);
		yt_log(YT_ERROR, "keeper", "operator %s: Unix user %s cannot be looked up (%s), so %s until a reload",
		        o->name, o->user, strerror(error),
		        user.is_there ? "he stays who he was" : "nobody is that one");
	} else {
		yt_log(YT_WARN, "keeper",
		        "operator %s: there is no Unix user %s here, so nobody is that one until a reload", o->name,
		        o->user);
	}
	snprintf(user.name, sizeof(user.name), "%s", o->user);
	return user;
}

void control_learn_users(struct keeper_process *p)
{
	const struct conf *conf = p->conf;
	struct known_user *users = calloc(conf->n_operators + 1, sizeof(*users));

	YT_REQUIRE(users != NULL);
	for (uint32_t i = 0; i < conf->n_operators; i++)
		if (conf->operators[i].user != NULL)
			users[i] = learn_user(p->control, &conf->operators[i]);
	free(p->control->users);
	p->control->users = users;
	p->control->n_users = conf->n_operators;
}

/* The nth operator of the configuration is that Unix user. */
static bool user_is(const struct control *control, uint32_t nth, uid_t uid)
{
	return control->users != NULL && control->users[nth].is_there && control->users[nth].uid == uid;
}

void control_learn_peer(struct client *c)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int fd;

	c->has_uid = uv_fileno((const uv_handle_t *)&c->pipe, &fd) == 0 &&
	             getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
	c->uid = c->has_uid ? peer.uid : 0;
}

bool control_is_ours(const struct client *c)
{
	return c->has_uid && (c->uid == getuid() || c->uid == 0);
}

/* By the Unix user, or by the name that the gateway's own user gives.  NULL with *why. */
static const struct conf_operator *who_is(
        const struct client *c, struct yt_str claimed, bool takes_word, const char **why)
{
	const struct conf *conf = c->process->conf;
	const struct conf_operator *o;

	for (uint32_t i = 0; i < conf->n_operators; i++) {
		o = &conf->operators[i];
		if (!user_is(c->process->control, i, c->uid))
			continue;
		*why = N_("that operator is another Unix user: leave --operator out, you are known");
		return claimed.n == 0 || yt_str_is(claimed, o->name) || yt_str_is(claimed, o->user) ? o : NULL;
	}
	o = conf_operator(conf, claimed);
	*why = N_("you are no operator: operators in the configuration has all of them");
	if (o == NULL || !control_is_ours(c))
		return NULL;
	*why = N_("that operator has a Unix user: run this as that one, without sudo");
	return o->user == NULL || takes_word ? o : NULL;
}

bool control_knows(const struct client *c)
{
	const struct conf *conf = c->process->conf;

	if (conf->n_operators == 0)
		return true;
	for (uint32_t i = 0; c->has_uid && i < conf->n_operators; i++)
		if (user_is(c->process->control, i, c->uid))
			return true;
	return control_is_ours(c);
}

bool control_may(struct client *c, const struct yt_node *q, const char *act, struct yt_buf *out)
{
	const struct conf *conf = c->process->conf;
	const struct conf_operator *o;
	const char *why = NULL;
	unsigned wanted = 0;
	char names[64], text[200];

	c->who = yt_node_text(q, "operator");
	if (conf->n_operators == 0)
		return true;
	if (!c->has_uid) {
		control_error(out, N_("nobody can tell who you are"));
		return false;
	}
	/* Who reads the journal's files or replaces a list is their owner in any case: a name is as good as it can be.
	 */
	o = who_is(c, c->who, strcmp(act, "audit") == 0 || strcmp(act, "enrolment") == 0, &why);
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (strcmp(needs[i].act, act) == 0)
			wanted = needs[i].roles;
	if (o == NULL) {
		control_error(out, why);
		return false;
	}
	c->who = yt_str(o->name);
	if ((o->roles & wanted) != 0)
		return true;
	conf_roles_print(wanted, names, sizeof(names));
	snprintf(text, sizeof(text), "%s may not do that: it needs one of the roles %s", o->name, names);
	control_error(out, text);
	return false;
}

/* -- two persons -------------------------------------------------------------------------------------- */

struct proposal {
	struct proposal *prev, *next;
	char id[8], word[16], maker[72], reason[408];
	struct exchange x; /* as the maker saw it */
	int64_t since_ms, until_mono;
};

static void drop(struct control *control, struct proposal *one)
{
	DL_DELETE(control->proposals, one);
	free(one);
}

static void drop_expired(struct control *control)
{
	struct proposal *one, *next;

	DL_FOREACH_SAFE(control->proposals, one, next)
	{
		if (one->until_mono < yt_mono_ms())
			drop(control, one);
	}
}

void control_forget_proposals(struct control *control)
{
	struct proposal *one, *next;

	DL_FOREACH_SAFE(control->proposals, one, next)
	drop(control, one);
}

static struct proposal *find_proposal(struct control *control, struct yt_str id)
{
	struct proposal *one;

	DL_FOREACH(control->proposals, one)
	{
		if (yt_str_is(id, one->id))
			return one;
	}
	return NULL;
}

static void note(struct client *c, const char *act, uint64_t exchange, struct yt_str reason)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_AUDIT, 0, 0, yt_wall_ms());
	char number[20];

	snprintf(number, sizeof(number), "%016llx", (unsigned long long)exchange);
	rec_str(&buf, REC_T_OPERATOR, c->who);
	rec_str(&buf, REC_T_REASON, reason);
	rec_str(&buf, REC_T_RESULT, yt_str(act));
	rec_str(&buf, REC_T_NUMBER, yt_str(number));
	rec_end(&buf, at);
	keeper_note(c->process->keeper, yt_buf_view(&buf));
	yt_buf_free(&buf);
}

static void propose(struct client *c, const struct exchange *x, const char *word, struct yt_str reason)
{
	struct control *control = c->process->control;
	struct proposal *one = calloc(1, sizeof(*one)), *other;
	uint8_t random[3];
	char act[40];
	unsigned n;

	YT_REQUIRE(one != NULL);
	DL_COUNT(control->proposals, other, n);
	if (n >= PROPOSALS_MAX) {
		free(one);
		control_error(&c->answer, N_("too many decisions wait for a second person"));
		return;
	}
	do {
		yt_random(random, sizeof(random));
		snprintf(one->id, sizeof(one->id), "%02x%02x%02x", random[0], random[1], random[2]);
	} while (find_proposal(control, yt_str(one->id)) != NULL);
	snprintf(one->word, sizeof(one->word), "%s", word);
	snprintf(one->maker, sizeof(one->maker), "%.*s", YT_FMT(c->who));
	snprintf(one->reason, sizeof(one->reason), "%.*s", YT_FMT(reason));
	one->x = *x;
	one->since_ms = yt_wall_ms();
	one->until_mono = yt_mono_ms() + (int64_t)c->process->conf->gateway.proposal_s * 1000;
	DL_APPEND(control->proposals, one);
	snprintf(act, sizeof(act), "proposed %s", word);
	note(c, act, x->id, reason);
	control_after_commit(c);
	yt_buf_printf(&c->answer, "{\"ok\":true,\"expires_s\":%u,", c->process->conf->gateway.proposal_s);
	control_put_text(&c->answer, "proposal", yt_str(one->id));
	yt_buf_text(&c->answer, "}\n");
}

static const char *known_word(struct yt_str result)
{
	static const char *const words[] = { "done", "refused", "reversed", "retry", "release", "park" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (yt_str_is(result, words[i]))
			return words[i];
	return NULL;
}

/* Money leaves only by two persons; what else decides about money too, as soon as the gateway knows people.  Who holds
 * it decides nothing, and is quick. */
static bool needs_two(const struct conf *conf, const char *word)
{
	return strcmp(word, "release") == 0 ||
	       (conf->n_operators > 0 && strcmp(word, "retry") != 0 && strcmp(word, "park") != 0);
}

/* The word may be decided of it as it is now. */
static bool fits(const struct exchange *x, const char *word)
{
	if (strcmp(word, "release") == 0)
		return keeper_waits_for_release(x);
	return x->state == X_PARKED || (strcmp(word, "refused") == 0 && exchange_may_be_withdrawn(x));
}

static void tell(struct client *c, int rv)
{
	if (rv == YT_ENOTFOUND)
		control_error(&c->answer, N_("there is no such open exchange"));
	else if (rv == YT_EDENIED)
		control_error(&c->answer, N_("who proposed it cannot confirm it"));
	else if (rv == YT_ESTATE)
		control_error(&c->answer, N_("the exchange is not parked, or does not wait for that decision"));
	else if (rv == YT_EAGAIN)
		control_error(&c->answer, N_("it may be leaving just now: look what becomes of it, and try again"));
	else if (rv != 0)
		control_error(&c->answer, N_("the index cannot be read just now: try again"));
	else
		control_when_durable(c);
}

void control_decide(struct client *c, const struct yt_node *q, struct yt_buf *out)
{
	struct keeper_process *p = c->process;
	struct yt_str id = yt_node_text(q, "exchange"), reason = yt_node_text(q, "reason");
	const char *word = known_word(yt_node_text(q, "result"));
	struct exchange x;
	uint64_t exchange;
	char number[32];
	int rv;

	if (c->who.n == 0 || reason.n == 0 || id.n == 0 || id.n >= sizeof(number)) {
		control_error(out, N_("exchange, result, operator and reason are all needed"));
		return;
	}
	if (yt_str_is(c->who, "keeper")) { /* `yitong audit` tells what we decided from what people did by it */
		control_error(out, N_("\"keeper\" stands for the gateway itself: give the name of a person"));
		return;
	}
	if (word == NULL) {
		control_error(out, N_("result is one of done, refused, reversed, retry, release, park"));
		return;
	}
	snprintf(number, sizeof(number), "%.*s", YT_FMT(id));
	exchange = strtoull(number, NULL, 16);
	if (!needs_two(p->conf, word)) {
		tell(c, keeper_decide(p->keeper, exchange, word, c->who, reason));
		return;
	}
	drop_expired(p->control);
	rv = keeper_get(p->keeper, exchange, &x);
	if (rv != 0)
		tell(c, rv);
	else if (!fits(&x, word))
		tell(c, YT_ESTATE);
	else
		propose(c, &x, word, reason);
}

/* The same payee and amount once more is another order: what was there then has left meanwhile, and came back. */
static bool is_same_order(const struct exchange *then, const struct exchange *now)
{
	return memcmp(now->pay_digest, then->pay_digest, sizeof(now->pay_digest)) == 0 &&
	       strcmp(now->back_no, then->back_no) == 0;
}

/* Why it waits for people, how far it has come and what its party said are as the maker saw them: of what has left
 * since "refused" would be another decision. */
static bool is_as_proposed(const struct proposal *one, const struct exchange *now)
{
	const struct exchange *then = &one->x;
	bool goes_by_reason = now->state == X_PARKED || strcmp(one->word, "release") == 0;

	return now->state == then->state && now->step == then->step && strcmp(now->pay_no, then->pay_no) == 0 &&
	       strcmp(now->told_state, then->told_state) == 0 &&
	       (!goes_by_reason || strcmp(now->reason, then->reason) == 0);
}

/* Since he proposed it the configuration may have taken his role from him. */
static bool may_still_propose(const struct conf *conf, const struct proposal *one)
{
	const struct conf_operator *maker = conf_operator(conf, yt_str(one->maker));

	return conf->n_operators == 0 || (maker != NULL && (maker->roles & CONF_BUSINESS) != 0);
}

void control_confirm(struct client *c, const struct yt_node *q, struct yt_buf *out)
{
	struct keeper_process *p = c->process;
	struct proposal *one;
	struct exchange x;
	char both[160], act[40];
	int rv;

	drop_expired(p->control);
	one = find_proposal(p->control, yt_node_text(q, "proposal"));
	if (one == NULL) {
		control_error(out, N_("no such proposal waits: it has expired, or was confirmed, or forgotten by a "
		                      "restart; `yitong confirm` lists those that do"));
		return;
	}
	if (c->who.n == 0 || yt_str_is(c->who, one->maker)) {
		tell(c, YT_EDENIED);
		return;
	}
	if (!may_still_propose(p->conf, one)) {
		drop(p->control, one);
		control_error(out, N_("who proposed it may not decide any more: it is to be proposed anew"));
		return;
	}
	rv = keeper_get(p->keeper, one->x.id, &x);
	if (rv != 0) {
		tell(c, rv);
		return;
	}
	if (!is_same_order(&one->x, &x) || !is_as_proposed(one, &x)) {
		control_error(
		        out, is_same_order(&one->x, &x)
		                     ? N_("it is not as it was when that was proposed: look at it, and propose anew")
		                     : N_("the order is another one now: it is to be proposed anew"));
		drop(p->control, one);
		return;
	}
	snprintf(both, sizeof(both), "%s, confirmed by %.*s", one->maker, YT_FMT(c->who));
	if (strcmp(one->word, "release") == 0)
		rv = keeper_release(p->keeper, one->x.id, yt_str(one->maker), c->who, yt_str(one->reason));
	else
		rv = keeper_decide(p->keeper, one->x.id, one->word, yt_str(both), yt_str(one->reason));
	if (rv == 0) {
		snprintf(act, sizeof(act), "confirmed %s", one->word);
		note(c, act, one->x.id, yt_str(one->reason));
	}
	tell(c, rv);
	if (rv == 0)
		drop(p->control, one);
}

void control_proposals(struct client *c, struct yt_buf *out)
{
	const struct proposal *one;
	bool is_first = true;

	drop_expired(c->process->control);
	yt_buf_text(out, "{\"ok\":true,\"proposals\":[");
	DL_FOREACH(c->process->control->proposals, one)
	{
		yt_buf_printf(out, "%s{\"exchange\":\"%016llx\",\"since_ms\":%lld,\"expires_s\":%lld,",
		        is_first ? "" : ",", (unsigned long long)one->x.id, (long long)one->since_ms,
		        (long long)((one->until_mono - yt_mono_ms()) / 1000));
		control_put_text(out, "proposal", yt_str(one->id));
		yt_buf_text(out, ",");
		control_put_text(out, "result", yt_str(one->word));
		yt_buf_text(out, ",");
		control_put_text(out, "operator", yt_str(one->maker));
		yt_buf_text(out, ",");
		control_put_text(out, "reason", yt_str(one->reason));
		yt_buf_text(out, ",");
		control_put_text(out, "number", yt_str(one->x.number));
		yt_buf_text(out, ",");
		control_put_text(out, "waits", yt_str(one->x.reason));
		yt_buf_text(out, "}");
		is_first = false;
	}
	yt_buf_text(out, "]}\n");
}
