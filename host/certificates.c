/* SPDX-License-Identifier: MIT */
/* host/certificates.c - which files, whose name, how long still. */
#include "host/certificates.h"

#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "host/clock.h"
#include "host/log.h"

enum { SOON_MS = 21 * 24 * 3600 * 1000, DATE_SIZE = 32, HOST_SIZE = 256 };

static const struct {
    const char *pointer, *certificate, *key; /* settings */
    const char *url; /* of which host the certificate is */
} secure[CERTIFICATES] = {
    {"/server/tls", "/server/tls/certificate", "/server/tls/key",
     "/server/base_url"},
    {"/server/admin_tls", "/server/admin_tls/certificate",
     "/server/admin_tls/key", "/server/admin_base_url"},
};

static void
date_text(int64_t ms, char ret_text[DATE_SIZE])
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    if (!gmtime_r(&seconds, &tm) || !strftime(ret_text, DATE_SIZE, "%F", &tm))
        ret_text[0] = '\0';
}

static void
warn_of_expiry(const struct config *config, struct problems *problems,
               const char *pointer, struct tls *tls)
{
    const int64_t left_ms = tls_expires_ms(tls) - clock_now_ms();
    char date[DATE_SIZE];

    date_text(tls_expires_ms(tls), date);
    if (left_ms <= 0)
        config_warning(config, problems, pointer,
                       "the certificate has expired on %s: browsers refuse "
                       "it; put a new one there", date);
    else if (left_ms < SOON_MS)
        config_warning(config, problems, pointer,
                       "the certificate expires on %s; put a new one there "
                       "and send SIGHUP", date);
}

/* The host of a URL, without brackets; false: there is none. */
static bool
url_host(const char *url, char *ret_host, size_t size)
{
    const char *start = url ? strstr(url, "//") : NULL;
    size_t len;

    if (!start)
        return false;
    start += 2;
    if (*start == '[')
        len = strcspn(++start, "]");
    else
        len = strcspn(start, ":/");
    if (len == 0 || len >= size)
        return false;
    memcpy(ret_host, start, len);
    ret_host[len] = '\0';
    return true;
}

static void
warn_of_readers(const struct config *config, struct problems *problems,
                const char *pointer)
{
    const char *file = config_text(config, pointer);
    struct stat status;

    if (stat(file, &status) == 0 && (status.st_mode & S_IROTH))
        config_warning(config, problems, pointer,
                       "everyone may read %s; chmod o-r it", file);
}

static void
warn_of_pair(const struct config *config, struct problems *problems,
                    size_t i, struct tls *tls)
{
    char host[HOST_SIZE];

    warn_of_readers(config, problems, secure[i].key);
    warn_of_expiry(config, problems, secure[i].certificate, tls);
    if (url_host(config_text(config, secure[i].url), host, sizeof(host)) &&
        !tls_is_for(tls, host))
        config_warning(config, problems, secure[i].certificate,
                       "the certificate is not for \"%s\": browsers refuse "
                       "it; have one made for that name", host);
}

static void
read_pair(const struct config *config, struct problems *problems,
                 size_t i, struct tls **ret_tls)
{
    const char *certificate, *key;
    struct factor_error err;

    *ret_tls = NULL;
    if (json_is_null(config_at(config, secure[i].pointer)))
        return;
    certificate = config_text(config, secure[i].certificate);
    key = config_text(config, secure[i].key);
    if (!certificate || !key)
        return; /* reported already */
    if (tls_new(certificate, key, ret_tls, &err) == FACTOR_OK)
        warn_of_pair(config, problems, i, *ret_tls);
    else
        config_problem(config, problems, secure[i].pointer, "%s", err.text);
}

void
certificates_read(const struct config *config, struct problems *problems,
                  struct tls *ret_tls[CERTIFICATES])
{
    size_t i;

    for (i = 0; i < CERTIFICATES; i++)
        read_pair(config, problems, i, &ret_tls[i]);
}

static void
renew(const struct config *config, size_t i, struct tls *tls)
{
    struct problems problems = {0};
    struct factor_error err;
    char date[DATE_SIZE];
    size_t line;

    if (tls_reload(tls, &err) != FACTOR_OK) {
        log_event("http", FACTOR_LOG_ERROR,
                  "%s: %s; the certificate in use stays", secure[i].pointer,
                  err.text);
        return;
    }
    date_text(tls_expires_ms(tls), date);
    log_event("http", FACTOR_LOG_INFO,
              "%s: the certificate was read again; it expires on %s",
              secure[i].pointer, date);
    warn_of_pair(config, &problems, i, tls);
    for (line = 0; line < problems.count; line++)
        log_event("http", FACTOR_LOG_WARNING, "%s", problems.lines[line].text);
    problems_clear(&problems);
}

void
certificates_renew(const struct config *config,
                   struct tls *const tls[CERTIFICATES])
{
    size_t i;

    for (i = 0; i < CERTIFICATES; i++)
        if (tls[i])
            renew(config, i, tls[i]);
}

void
certificates_free(struct tls *tls[CERTIFICATES])
{
    size_t i;

    for (i = 0; i < CERTIFICATES; i++)
        tls_free(tls[i]);
}
