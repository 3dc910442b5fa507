/* What the OpenSSH client's words mean when a connection does not come about. */
#include <string.h>

#include "drivers/host/ssh_connection.h"

struct refusal {
    const char *words; /* as the client writes them */
    enum ek_code code;
    const char *id;
    const char *sentence;
    const char *hint;
};

/* The first one that is found counts. */
static const struct refusal refusals[] = {
    {"REMOTE HOST IDENTIFICATION HAS CHANGED", EK_DENIED, "EK-0462",
     "its host key is another one than the known one; nothing was sent to it",
     "find out why, at the host itself; if it was set up anew, replace its line in the file of "
     "known keys"},
    {"REVOKED HOST KEY", EK_DENIED, "EK-0462", "its host key was revoked; nothing was sent to it",
     "find out why, at the host itself"},
    {"Host key verification failed", EK_DENIED, "EK-0461", "its host key is not known",
     "compare it at the host itself (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then add "
     "it "
     "to the file of known keys or pin it by provider.ssh.hostKeys"},
    {"Permission denied (", EK_DENIED, "EK-0464", "the login was refused",
     "try it by hand: ssh -o BatchMode=yes, as the user that Evenkeel runs as"},
    {"Too many authentication failures", EK_DENIED, "EK-0464", "the login was refused",
     "name the key by provider.ssh.identityFile"},
    {"UNPROTECTED PRIVATE KEY FILE", EK_DENIED, "EK-0464",
     "the login's key file is open to others, so that the client does not use it",
     "chmod 600 the key file"},
};

int ek_ssh_refusal(const struct ek_host *host, const char *words, struct ek_error *err)
{
    const char *name = host->ssh->host;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *refusal = &refusals[i];
        if (!strstr(words, refusal->words))
            continue;
        bool pinned = strcmp(refusal->id, "EK-0461") == 0 && host->ssh->host_key_count > 0;
        if (pinned) {
            ek_fail(
                err, EK_DENIED, "EK-0463",
                "%s: its host key is none of those pinned by provider.ssh.hostKeys; nothing was "
                "sent to it",
                name);
            ek_hint(err, "find out why, at the host itself; pin the fingerprint that ssh-keygen "
                         "-lf /etc/ssh/ssh_host_ed25519_key.pub prints there");
        } else {
            ek_fail(err, refusal->code, refusal->id, "%s: %s", name, refusal->sentence);
            ek_hint(err, "%s", refusal->hint);
        }
        return ek_cause(err, "%s", words), refusal->code;
    }
    ek_fail(err, EK_UNREACHABLE, "EK-0460", "%s: not reached by SSH", name);
    return ek_cause(err, "%s", words), EK_UNREACHABLE;
}
