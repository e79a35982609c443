/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_agent.c - with what somebody asks, in words. */
#include "plugin/adapter-mfa/mfa_agent.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct sign {
    const char *token; /* how it calls itself */
    const char *name;
};

/* The first one counts: browsers call themselves by their ancestors too. */
static const struct sign browsers[] = {
    { "Edg/", "Edge" },
    { "EdgA/", "Edge" },
    { "EdgiOS/", "Edge" },
    { "Edge/", "Edge" },
    { "OPR/", "Opera" },
    { "OPT/", "Opera" },
    { "Opera/", "Opera" },
    { "Vivaldi/", "Vivaldi" },
    { "YaBrowser/", "Yandex Browser" },
    { "SamsungBrowser/", "Samsung Internet" },
    { "UCBrowser/", "UC Browser" },
    { "DuckDuckGo/", "DuckDuckGo" },
    { "FxiOS/", "Firefox" },
    { "Firefox/", "Firefox" },
    { "Epiphany/", "GNOME Web" },
    { "CriOS/", "Chrome" },
    { "Chromium/", "Chromium" },
    { "Chrome/", "Chrome" },
    { "Safari/", "Safari" },
    { "MSIE ", "Internet Explorer" },
    { "Trident/", "Internet Explorer" },
    { "curl/", "curl" },
}, systems[] = {
    { "iPhone", "iPhone" },
    { "iPad", "iPad" },
    { "Android", "Android" },
    { "Windows", "Windows" },
    { "CrOS", "ChromeOS" },
    { "Macintosh", "macOS" },
    { "FreeBSD", "FreeBSD" },
    { "OpenBSD", "OpenBSD" },
    { "NetBSD", "NetBSD" },
    { "Linux", "Linux" },
};

static bool
is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* At the begin of a word: "HeadlessChrome/" is not Chrome. */
static bool
says(const char *text, const char *token)
{
    const char *at = text;

    while ((at = strstr(at, token))) {
        if (at == text || !is_letter(at[-1]))
            return true;
        at++;
    }
    return false;
}

static const char *
name_of(const struct sign *signs, size_t count, const char *text)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (says(text, signs[i].token))
            return signs[i].name;
    return NULL;
}

#define NAME_OF(signs, text)                                                   \
    name_of((signs), sizeof(signs) / sizeof((signs)[0]), (text))

const char *
mfa_agent(const char *user_agent, char ret_text[MFA_AGENT_SIZE])
{
    const char *browser = user_agent ? NAME_OF(browsers, user_agent) : NULL;
    const char *system = user_agent ? NAME_OF(systems, user_agent) : NULL;

    if (!browser || !system)
        return browser ? browser : system;
    snprintf(ret_text, MFA_AGENT_SIZE, "%s on %s", browser, system);
    return ret_text;
}
