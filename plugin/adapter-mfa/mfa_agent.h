/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_agent.h - with what somebody asks, in words.  Pure;
 * any thread. */
#ifndef MFA_AGENT_H
#define MFA_AGENT_H

/* "Firefox on Linux", or less of it, of a User-Agent header.  Constant texts
 * alone: whoever asks has no say in what the approver reads.  NULL: neither is
 * known. */
enum { MFA_AGENT_SIZE = 40 };
const char *mfa_agent(const char *user_agent, char ret_text[MFA_AGENT_SIZE]);

#endif
