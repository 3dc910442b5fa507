/* The file with the members' common secret: one key, or two while it is being changed. */
#ifndef STANDIN_KEYFILE_H
#define STANDIN_KEYFILE_H

#include "util.h"

struct keyfile {
    char *key[2];
    int n;
};
extern struct keyfile keyfile;

/* Logs what is wrong and returns false, as mongod does before it ends with status 1. */
bool keyfile_load(const char *path);

#endif
