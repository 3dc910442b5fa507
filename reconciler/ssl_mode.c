#include "reconciler/ssl_mode.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *ssl;
    const char *tls;
} words[] = {
    [EK_SSL_UNKNOWN] = {"unknown", "unknown"},       [EK_SSL_DISABLED] = {"disabled", "disabled"},
    [EK_SSL_ALLOW] = {"allowSSL", "allowTLS"},       [EK_SSL_PREFER] = {"preferSSL", "preferTLS"},
    [EK_SSL_REQUIRE] = {"requireSSL", "requireTLS"},
};

const char *ek_ssl_mode_name(enum ek_ssl_mode mode)
{
    return words[mode].ssl;
}

const char *ek_tls_mode_name(enum ek_ssl_mode mode)
{
    return words[mode].tls;
}

enum ek_ssl_mode ek_ssl_mode_parse(const char *word)
{
    for (size_t mode = EK_SSL_DISABLED; mode < sizeof words / sizeof *words; mode++)
        if (strcmp(word, words[mode].ssl) == 0 || strcmp(word, words[mode].tls) == 0)
            return (enum ek_ssl_mode)mode;
    return EK_SSL_UNKNOWN;
}
