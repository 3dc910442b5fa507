/* Throw-away certificates for tests, made by openssl(1). Include once per program. */
#ifndef EK_TESTS_UNIT_MONGODB_CERTIFICATES_H
#define EK_TESTS_UNIT_MONGODB_CERTIFICATES_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs a NULL-terminated command in `directory`, silently; its exit status. */
static inline int certificates_run(const char *directory, const char *const *words)
{
    pid_t child = fork();
    if (child == 0) {
        int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, 0), dup2(nothing, 1), dup2(nothing, 2);
        if (chdir(directory) == 0)
            execvp(words[0], (char *const *)(uintptr_t)words);
        _exit(127);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

/* An authority: NAME.crt and NAME.key. */
static inline int certificates_make(const char *directory, const char *name)
{
    char certificate[64], key[64], subject[64];
    snprintf(certificate, sizeof certificate, "%s.crt", name);
    snprintf(key, sizeof key, "%s.key", name);
    snprintf(subject, sizeof subject, "/O=test/CN=%s", name);
    const char *const words[] = {
        "openssl", "req",       "-x509", "-newkey", "ec",    "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes",  "-days",     "30",    "-subj",   subject, "-keyout",  key,
        "-out",    certificate, NULL};
    return certificates_run(directory, words);
}

static inline int certificates_append(const char *directory, const char *from, const char *to)
{
    char path[256], bytes[8192];
    snprintf(path, sizeof path, "%s/%s", directory, from);
    int source = open(path, O_RDONLY);
    snprintf(path, sizeof path, "%s/%s", directory, to);
    int target = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    ssize_t got = read(source, bytes, sizeof bytes);
    int failed = got <= 0 || write(target, bytes, (size_t)got) != got;
    close(source), close(target);
    return failed;
}

/* A server's certificate and key in one file, NAME.pem, as mongod wants it. */
static inline int certificates_leaf(const char *directory, const char *authority, const char *name,
                                    const char *names)
{
    char certificate[64], key[64], pem[64], ca[64], ca_key[64], subject[64], alternative[256];
    snprintf(certificate, sizeof certificate, "%s.crt", name);
    snprintf(key, sizeof key, "%s.key", name);
    snprintf(pem, sizeof pem, "%s.pem", name);
    snprintf(ca, sizeof ca, "%s.crt", authority);
    snprintf(ca_key, sizeof ca_key, "%s.key", authority);
    snprintf(subject, sizeof subject, "/O=test/OU=fleet/CN=%s", name);
    snprintf(alternative, sizeof alternative, "subjectAltName=%s", names);
    const char *const words[] = {"openssl",
                                 "req",
                                 "-x509",
                                 "-newkey",
                                 "ec",
                                 "-pkeyopt",
                                 "ec_paramgen_curve:P-256",
                                 "-nodes",
                                 "-days",
                                 "30",
                                 "-subj",
                                 subject,
                                 "-addext",
                                 alternative,
                                 "-addext",
                                 "basicConstraints=critical,CA:FALSE",
                                 "-CA",
                                 ca,
                                 "-CAkey",
                                 ca_key,
                                 "-keyout",
                                 key,
                                 "-out",
                                 certificate,
                                 NULL};
    int failed = certificates_run(directory, words);
    return failed ? failed
                  : certificates_append(directory, certificate, pem) ||
                        certificates_append(directory, key, pem);
}

static inline void certificates_remove(const char *directory)
{
    const char *const words[] = {"rm", "-rf", "--", directory, NULL};
    certificates_run("/", words);
}

#endif
