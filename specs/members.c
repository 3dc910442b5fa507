/* The server's own rules about the members of a replica set. */
#include <stdio.h>
#include <string.h>

#include "specs/check.h"
#include "specs/names.h"

#define VOTERS_MAX 7

struct path {
    char text[96];
};

static struct path member_path(size_t index, const char *key)
{
    struct path path;
    snprintf(path.text, sizeof path.text, "spec.replicaSet.members[%zu]%s%s", index,
             *key ? "." : "", key);
    return path;
}

static bool sound(const struct ek_subject *subject, size_t index, const char *key)
{
    return ek_subject_sound(subject, member_path(index, key).text);
}

/* The key that was written decides where the error stands. */
static void report(const struct ek_subject *subject, struct path at, const char *id,
                   const char *sentence, const char *hint)
{
    ek_subject_report(subject, at.text, id, "%s", sentence);
    ek_subject_hint(subject, "%s", hint);
}

static void check_member(const struct ek_subject *subject, size_t index)
{
    const struct ek_deployment_spec *deployment = subject->value;
    const struct ek_member_spec *member = &deployment->members[index];
    bool written = ek_subject_node(subject, member_path(index, "priority").text);
    const char *place = written ? "priority" : NULL;
    if (!sound(subject, index, ""))
        return;
    if (member->arbiter && member->votes == 0)
        report(subject, member_path(index, "votes"), "EK-0336", "an arbiter must vote",
               "votes: 1, or no arbiter");
    if (member->arbiter && member->priority > 0) {
        report(subject, member_path(index, place ? place : "arbiter"), "EK-0336",
               "an arbiter can't be primary, so its priority must be 0",
               "priority: 0, or leave the key out");
        return;
    }
    if (member->priority > 0 && member->votes == 0)
        report(subject, member_path(index, place ? place : "votes"), "EK-0334",
               "a member without a vote must have priority 0", "add priority: 0, or votes: 1");
    if (member->priority > 0 && member->hidden)
        report(subject, member_path(index, place ? place : "hidden"), "EK-0335",
               "a hidden member must have priority 0", "add priority: 0, or take hidden out");
}

static void check_unique_name(const struct ek_subject *subject, size_t index)
{
    const struct ek_deployment_spec *deployment = subject->value;
    const struct ek_member_spec *member = &deployment->members[index];
    for (size_t i = 0; i < index; i++) {
        const struct ek_member_spec *other = &deployment->members[i];
        if (!member->name || !other->name || strcmp(member->name, other->name) != 0)
            continue;
        ek_subject_report(subject, member_path(index, "name").text, "EK-0337",
                          "the name \"%s\" is taken by another member", member->name);
        struct ek_place at = ek_subject_place(subject, member_path(i, "name").text);
        ek_subject_hint(subject, "the first one is at line %d, column %d", at.line, at.column);
        return;
    }
}

static void check_voters(const struct ek_subject *subject)
{
    const struct ek_deployment_spec *deployment = subject->value;
    size_t voters = 0;
    size_t electable = 0;
    for (size_t i = 0; i < deployment->member_count; i++) {
        const struct ek_member_spec *member = &deployment->members[i];
        voters += member->votes == 1;
        electable += member->priority > 0 && member->votes == 1 && !member->arbiter;
        if (voters == VOTERS_MAX + 1 && member->votes == 1)
            report(subject, member_path(i, "votes"), "EK-0332",
                   "at most 7 members of a set can vote",
                   "give this member votes: 0 and priority: 0");
    }
    if (voters == 0)
        ek_subject_report(subject, "spec.replicaSet.members", "EK-0332",
                          "at least one member must vote");
    else if (electable == 0)
        ek_subject_report(subject, "spec.replicaSet.members", "EK-0333",
                          "no member can become primary: at least one needs a priority above 0");
}

static void check_local_hosts(const struct ek_subject *subject)
{
    const struct ek_deployment_spec *deployment = subject->value;
    size_t local = 0;
    size_t first_local = 0;
    for (size_t i = 0; i < deployment->member_count; i++) {
        bool is_local = ek_is_local_host(deployment->members[i].host);
        if (is_local && local++ == 0)
            first_local = i;
    }
    if (local == 0 || local == deployment->member_count)
        return;
    ek_subject_report(subject, member_path(first_local, "host").text, "EK-0339",
                      "\"%s\" means another machine on each machine; the server takes such names "
                      "for all members or for none",
                      deployment->members[first_local].host);
    ek_subject_hint(subject, "write the name by which the other members reach it");
}

void ek_check_members(const struct ek_subject *subject)
{
    const struct ek_deployment_spec *deployment = subject->value;
    for (size_t i = 0; i < deployment->member_count; i++) {
        check_member(subject, i);
        check_unique_name(subject, i);
    }
    if (!ek_subject_node(subject, "spec.replicaSet.members") ||
        !ek_subject_sound(subject, "spec.replicaSet.members"))
        return;
    check_voters(subject);
    check_local_hosts(subject);
}
