/* The users' part of a state: who may log in, and by what members know each other. */
#ifndef EK_ASPECTS_USERS_STATE_H
#define EK_ASPECTS_USERS_STATE_H

#include "reconciler/kernel/state.h"

struct ek_access {
    enum ek_tri authentication;
    enum ek_tri own_user; /* Evenkeel's own user exists with the password we hold */
};

struct ek_member_access {
    enum ek_tri key_file; /* the set's keyFile exists on the host */
};

EK_STATE_PART(ek_access, struct ek_access, EK_PART_users)
EK_STATE_PART(ek_member_access, struct ek_member_access, EK_PART_users_members)
#define ek_access(state) EK_STATE_ELEMENT(ek_access, state, 0)
#define ek_member_access(state, i) EK_STATE_ELEMENT(ek_member_access, state, i)

#endif
