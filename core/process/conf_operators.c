/* core/process/conf_operators.c - people and their roles: who may do what is in control_people.c.
 *
 * The three administrators see or change what would let them hide what another of them did, so nobody is two of them,
 * and none of them handles business. */
#include "process/conf_parts.h"

#include <stdio.h>
#include <string.h>

#define ALONE (CONF_SYSTEM | CONF_SECURITY | CONF_AUDITOR)

static const struct {
	unsigned role;
	const char *word;
} roles[] = { { CONF_SYSTEM, "system" }, { CONF_SECURITY, "security" }, { CONF_AUDITOR, "auditor" },
	{ CONF_BUSINESS, "business" }, { CONF_CHECKER, "checker" } };

#define N_ROLES (sizeof(roles) / sizeof(roles[0]))

void conf_roles_print(unsigned set, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < N_ROLES && at < size; i++)
		if (set & roles[i].role)
			at += (size_t)snprintf(out + at, size - at, "%s%s", at == 0 ? "" : " ", roles[i].word);
}

const struct conf_operator *conf_operator(const struct conf *conf, struct yt_str name)
{
	for (uint32_t i = 0; i < conf->n_operators; i++)
		if (yt_str_is(name, conf->operators[i].name))
			return &conf->operators[i];
	return NULL;
}

static void take_roles(struct conf_operator *o, struct conf_errors *errors)
{
	for (uint32_t i = 0; i < o->role_names.n; i++) {
		size_t k = 0;

		while (k < N_ROLES && !yt_str_is(o->role_names.item[i], roles[k].word))
			k++;
		if (k == N_ROLES)
			conf_error_add(errors, o->place.line, o->place.column,
			        "roles: there is no role \"%.*s\": system, security, auditor, business and checker are",
			        YT_FMT(o->role_names.item[i]));
		else
			o->roles |= roles[k].role;
	}
	if ((o->roles & ALONE) != 0 && (o->roles & (o->roles - 1)) != 0)
		conf_error_add(errors, o->place.line, o->place.column,
		        "operator %s: system, security and auditor are each a person's only role", o->name);
}

static void check_twice(const struct conf *conf, uint32_t i, struct conf_errors *errors)
{
	const struct conf_operator *o = &conf->operators[i];

	if (strcmp(o->name, "keeper") == 0)
		conf_error_add(errors, o->place.line, o->place.column,
		        "an operator cannot be called keeper: that is the gateway itself");
	for (uint32_t k = 0; k < i; k++) {
		const struct conf_operator *other = &conf->operators[k];

		if (other->name == NULL)
			continue;
		if (strcmp(o->name, other->name) == 0)
			conf_error_add(errors, o->place.line, o->place.column,
			        "operator \"%s\" is there twice: the first is on line %u", o->name,
			        (unsigned)other->place.line);
		else if (o->user != NULL && other->user != NULL && strcmp(o->user, other->user) == 0)
			conf_error_add(errors, o->place.line, o->place.column,
			        "operators %s and %s have the same user: nobody could tell them apart", other->name,
			        o->name);
	}
}

void conf_check_operators(struct conf *conf, const struct conf_node *root, struct conf_errors *errors)
{
	const struct conf_node *profile = conf_node_get(conf_node_get(root, "gateway"), "profile");

	for (uint32_t i = 0; i < conf->n_operators; i++) {
		if (conf->operators[i].name == NULL)
			continue; /* said already */
		take_roles(&conf->operators[i], errors);
		check_twice(conf, i, errors);
	}
	if (conf->gateway.profile == CONF_PRODUCTION && conf->n_operators == 0)
		conf_error_add(errors, profile == NULL ? 0 : profile->line, profile == NULL ? 0 : profile->column,
		        "profile production needs operators: without them nobody can be held to what he may do");
}
