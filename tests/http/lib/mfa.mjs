// SPDX-License-Identifier: MIT
// tests/http/lib/mfa.mjs - users with devices, and sign-ons with the MFA
// adapter, for the rows of section D.
import assert from 'node:assert/strict';
import { join } from 'node:path';

import { execute } from './daemon.mjs';
import { Flow, mustBe } from './flow.mjs';
import { Phone, totp } from './phone.mjs';
import { secret } from './secrets.mjs';

export const second = 1000, minute = 60 * second;
export const prefix = 'com.pingidentity.pingone.';

// What the policy is handed, as far as a client can be told of it.
const claims = {
    mfa_status: 'mfa.pingone.mfa.status',
    mfa_reason: 'mfa.pingone.mfa.status.reason',
    mfa_device: 'mfa.pingone.mfa.device.id',
    mfa_enrollment: 'mfa.pingone.mfa.enrollment',
    mfa_user: 'mfa.username',
    seed_status: 'mfa.com.pingidentity.pingone.status',
};

const minutes = (duration) => ({ duration, timeUnit: 'MINUTES' });

// A method that sends codes; over: of its "otp".
export const method = (over) => ({ enabled: true, otp: {
    lifeTime: minutes(5), failure: { count: 3, coolDown: minutes(0) },
    ...over } });

// A device that is guessed at rests for 2 min.
export const resting = method({ failure: { count: 3,
                                           coolDown: minutes(2) } });


// Every method that is in scope; over: members of it, replaced.
export const devicePolicy = (name, over = {}) => ({
    name, authentication: { deviceSelection: 'PROMPT_TO_SELECT' },
    email: method(), sms: method(), voice: method(),
    totp: { enabled: true, passcodeGracePeriod: 1 },
    mobile: { enabled: true }, ...over });

// A device policy's entry of the application "Authenticator".
export const mobileEntry = (over = {}) => ({
    name: 'Authenticator', push: { enabled: true,
                                   numberMatching: { enabled: true } },
    otp: { enabled: true }, pairingConfirmation: { enabled: true },
    autoEnrollment: { enabled: true }, deviceAuthorization: { enabled: true },
    ...over });

export const mobile = (over) => ({ enabled: true,
                                   applications: [mobileEntry(over)] });

const step = (name, more = {}) => ({
    acr: `urn:test:${name}`,
    steps: [{ adapter: 'password' },
            { adapter: 'mfa', input: { userId: 'password.userId', ...more } }],
});

// A configuration: mfa: settings of the adapter; policies: device policies
// beside the default one, each with a sign-on policy of its name; more: the
// rest.  The policy "mfa" (the demo's) demands a proof, "open" does not.
export function mfaConfig({ mfa = {}, policies = [], fallback = {},
                            ...more } = {})
{
    const own = Object.fromEntries(policies.map(({ name }) =>
        [name, step(name, { policy: { value: name } })]));
    return () => ({
        delivery: { voice: [{ plugin: 'file' }] },
        adapters: { mfa: {
            resend_cooldown: '0s', manage_devices: false, prompt_setup: false,
            first_device: 'allowed',
            device_policies: [{ ...devicePolicy('Default', fallback),
                                default: true },
                              devicePolicy('Ping widget'), ...policies],
            ...mfa } },
        policies: { open: step('open'), ...own },
        ...more,
        clients: { spa: { claims, policies: ['otp', 'mfa', 'mfa-ping', 'open',
                                             ...Object.keys(own)] },
                   ...more.clients },
    });
}

// --- Users and devices.

export const mfaUser = (daemon, members) => daemon.user({ mfaEnabled: true,
                                                          ...members });

export async function json(daemon, ...args)
{
    const { status, stdout, stderr } = await daemon.ctl('--json', ...args);
    assert.equal(status, 0, `${args.join(' ')}: ${stderr}`);
    return JSON.parse(stdout);
}

// As an operator adds it; gives its id, of TOTP with code(): what an app shows.
export async function addDevice(daemon, user, type, target)
{
    const address = target ?? { EMAIL: user.email, SMS: user.phone,
                                VOICE: user.phone }[type];
    const added = await json(daemon, 'devices', 'add', user.username, type,
                             ...(address ? [address] : []), { quiet: true });
    if (type !== 'TOTP')
        return added;
    const key = secret('TOTP secret',
                       new URL(added.uri).searchParams.get('secret'));
    return { ...added, code: (shift) => totp(key, daemon.now(), shift) };
}

// A phone that an operator's key has paired.
export async function addPhone(daemon, user, more)
{
    const phone = await Phone.make(daemon);
    const { link } = await json(daemon, 'pairing-keys', 'create',
                                user.username);
    const reply = await phone.pair(link, more);
    assert.equal(reply.status, 201, reply.text);
    return phone;
}

// A user with these: EMAIL, SMS, VOICE, TOTP, PHONE.
export async function userWith(daemon, ...kinds)
{
    const user = await mfaUser(daemon);
    const devices = {};
    for (const kind of kinds)
        devices[kind] = kind === 'PHONE' ? await addPhone(daemon, user)
            : await addDevice(daemon, user, kind);
    return { user, ...devices };
}

// --- Messages.

// The next one with a code; notices of devices come to the same address.
export async function codeFor(daemon, address)
{
    for (;;) {
        const { code } = await daemon.message(address);
        if (code)
            return code;
    }
}

export const codesTo = (daemon, address) => daemon.messages()
    .filter((one) => one.to === address && one.code).length;

export const wrong = (code, by = 1) =>
    String((Number(code) + by) % 10 ** code.length).padStart(code.length, '0');

// --- Flows.

const acrs = { mfa: 'urn:factord:mfa', 'mfa-ping': 'urn:factord:mfa-ping' };

// Up to AUTHENTICATION_REQUIRED; policy: the name of a sign-on policy.
export async function begin(daemon, user, policy = 'mfa')
{
    const flow = await Flow.begin(daemon, {
        params: { acr_values: acrs[policy] ?? `urn:test:${policy}` } });
    mustBe(await flow.password(user), 'AUTHENTICATION_REQUIRED',
           ['authenticate', 'cancelAuthentication']);
    return flow;
}

// And on with authenticate: what came stands in flow.reply.
export async function started(daemon, user, policy, model = {})
{
    const flow = await begin(daemon, user, policy);
    await flow.act('authenticate', model);
    return flow;
}

// The states of a phone's sign-on are left by what the phone does.
export const shown = (flow) => flow.state.numberMatching?.value;

export async function approve(flow, phone)
{
    const number = shown(flow);
    const reply = await phone.answer(await phone.waiting(), 'approve',
                                     number ? { number } : {});
    assert.equal(reply.json.result, 'approved', reply.text);
}

// MFA_COMPLETED may tell a code (D.1-13); other states must not.
export function mustComplete(reply, links = ['continueAuthentication'])
{
    const { code, ...rest } = reply.json ?? {};
    const state = mustBe({ ...reply, json: reply.json && rest },
                         'MFA_COMPLETED', links);
    return { ...state, ...(code !== undefined && { code }) };
}

export async function claimsOf(flow)
{
    const { json: tokens, text } = await flow.redeem();
    assert.ok(tokens.id_token, text);
    return JSON.parse(Buffer.from(tokens.id_token.split('.')[1], 'base64url'));
}

// continueAuthentication, tokens: [status without its prefix, amr].
export async function outcome(flow)
{
    mustBe(await flow.act('continueAuthentication', {}), 'COMPLETED');
    const { mfa_status: status, amr } = await claimsOf(flow);
    assert.ok(status.startsWith(prefix), status);
    return [status.slice(prefix.length), amr.sort()];
}

// --- A GET is a look, whatever its query says (A.2-1).

// The records of a flow and of its user, with their versions, messages aside:
// those are settled when they like.  Without the command sqlite3: nothing.
export async function recordsOf(daemon, flow)
{
    const query = `SELECT collection, id, version FROM record
        WHERE collection != 'outbox' AND (id = '${flow.id}' OR owner =
            (SELECT owner FROM record WHERE id = '${flow.id}'))
        ORDER BY collection, id`;
    const done = await execute('sqlite3', ['-readonly', '-cmd',
                                           '.timeout 5000',
                                           join(daemon.state, 'store.db'),
                                           query],
                               { quiet: true }).catch(() => null);
    if (!done)
        return null;
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stdout, /^flow\|/m);
    return done.stdout;
}

export async function mustOnlyLook(flow)
{
    const before = flow.state;
    const actions = Object.keys(before._links).filter((one) => one !== 'self');
    for (const action of ['', ...actions])
        assert.deepEqual((await flow.get({ query: `?action=${action}` })).json,
                         before, action);
}

// And nothing is written by it.
export async function mustWriteNothing(daemon, flow)
{
    const before = await recordsOf(daemon, flow);
    await mustOnlyLook(flow);
    assert.equal(await recordsOf(daemon, flow), before, flow.state.status);
}

const envelope = ['id', 'pluginTypeId', 'status', '_links'];

// The members of a state's model.
export const members = (state) => Object.keys(state)
    .filter((name) => !envelope.includes(name)).sort();
