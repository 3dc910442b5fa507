/* Room for what several parts of Evenkeel hand each other, each with its NUL. */
#ifndef EK_BASE_SIZES_H
#define EK_BASE_SIZES_H

enum {
    EK_DNS_NAME_SIZE = 256,       /* RFC 1035: 253 characters */
    EK_HOST_PORT_SIZE = 280,      /* "host:port", an address of IPv6 in brackets */
    EK_HOST_DIRECTORY_SIZE = 256, /* on a member's host, that Evenkeel makes up itself */
    EK_HOST_PATH_SIZE = 300,      /* of a file in such a directory */
    EK_SET_ID_SIZE = 32,          /* replicaSetId: 24 hexadecimal digits */
    EK_LABEL_SIZE = 32,           /* of an SSL domain */
    EK_CONSENT_HOW_SIZE = 32      /* "command", "signed-plan", "signed-commit" */
};

#endif
