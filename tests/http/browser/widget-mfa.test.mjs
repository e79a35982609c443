// SPDX-License-Identifier: MIT
// slow
// The vendor's JavaScript widget (npm, 1.11.0) through the MFA adapter, by the
// demo's policy mfa-ping. 1.11.0 has no pages for UPDATE_NICKNAME and
// DEVICE_MANAGEMENT, and no place for a number: signon-mfa.test.mjs. It has
// "set default" and "remove" at each device of the choice, which we do not
// offer there (D.1-2), no way to cancel on the page of a push, and no words
// for INVALID_DEVICE_TARGET.
import assert from 'node:assert/strict';

import { startDaemon, until } from '../lib/daemon.mjs';
import { codeFor, codesTo, devicePolicy, mfaUser, minute, mobile, prefix,
         resting, second, userWith, wrong } from '../lib/mfa.mjs';
import { Phone, totp } from '../lib/phone.mjs';
import { secret } from '../lib/secrets.mjs';
import { run, test } from '../lib/tap.mjs';
import { patience, visit } from './lib/chrome.mjs';
import { applicationServer } from './lib/servers.mjs';
import { beginByRedirect, beginHere, cancel, claimsOf, code, drawn, error,
         mustHaveFailed, origin, outcome, password, placeOf, press, submit,
         tile, widgetClient } from './lib/widget.mjs';

const shop = await applicationServer();

// The demo's settings, but that anything may be the first device.
function daemonWith(mfa = {})
{
    return startDaemon({
        server: { sign_on_page: `${origin(shop)}/app` },
        adapters: { mfa: { first_device: 'allowed', resend_cooldown: '0s',
                           ...mfa } },
        clients: { widget: widgetClient(shop, {
            policies: ['mfa-ping'],
            claims: { mfa_status: 'mfa.pingone.mfa.status' } }) },
    });
}

// Its policies replaced, but for the name; over: members of both.
const policies = (over) => ({ device_policies: [
    { ...devicePolicy('Default', over), default: true },
    devicePolicy('Ping widget', over)] });

const daemon = await daemonWith();
const place = placeOf(daemon, shop);

// --- Ways.

// Up to what authenticate leads to.
async function begin(visitor, user, { at = place, ...more } = {})
{
    const begun = await beginHere(visitor, at, more);
    await password(begun.tab, user);
    return begun;
}

// To "Authentication Success!" and the tokens: [status, amr].
async function finished({ tab, verifier }, at = place)
{
    const { result } = await outcome(tab);
    assert.ok(result, 'the sign-on failed');
    await tab.see('Authentication Success!');
    const { mfa_status: status, amr } =
        await claimsOf(at, verifier, { code: result.code });
    assert.ok(status.startsWith(prefix), status);
    return [status.slice(prefix.length), amr.sort()];
}

// The page of a push that waits.
async function waiting(tab)
{
    await tab.page.waitForSelector('#usePasscode', { visible: true });
    await tab.see('Authenticating', 'Request sent to:');
}

async function answer(phone, decision)
{
    const { json, text } = await phone.answer(await phone.waiting(), decision);
    assert.equal(json.result,
                 decision === 'approve' ? 'approved' : 'denied', text);
}

// The heading of a dead end, and what it says.
async function deadEnd(tab, ...texts)
{
    await tab.see(...texts);
    assert.doesNotMatch(await tab.text(), /undefined|\[object/);
}

const pushed = ['web_login_mobile', ['mca', 'mfa', 'pwd', 'swk', 'user']];
const mailed = ['web_login_email', ['email', 'mfa', 'otp', 'pwd']];

// --- The choice, and passcodes.

test('authn F.4-3, D.1-1,2: authenticate is posted at once; four tiles',
     async () => {
    const { user } = await userWith(daemon, 'EMAIL', 'SMS', 'TOTP', 'PHONE');
    await visit({}, async (visitor) => {
        const { tab } = await begin(visitor, user);
        for (const type of ['Email', 'SMS', 'TOTP', 'Android'])
            await tab.page.waitForSelector(`.tile-button[id^="${type}-"]`,
                                           { visible: true });
        await tab.see('Pixel 8');
        assert.doesNotMatch(await tab.text(), /undefined|\[object/);
        assert.deepEqual(tab.posts('authenticate')
                             .map((one) => one.postData() || '{}'), ['{}']);
        await daemon.settled();
        assert.equal(codesTo(daemon, user.email), 0);
    });
});

const kinds = {
    Email: { kind: 'EMAIL', end: mailed,
             read: ({ user }) => codeFor(daemon, user.email) },
    SMS: { kind: 'SMS', end: ['web_login_sms', ['mfa', 'otp', 'pwd', 'sms']],
           read: ({ user }) => codeFor(daemon, user.phone) },
    TOTP: { kind: 'TOTP', end: ['web_login_otp', ['mfa', 'otp', 'pwd']],
            read: ({ TOTP }) => TOTP.code() },
};

for (const [type, { kind, end, read }] of Object.entries(kinds))
    test(`authn D.1-3, F.4-20: ${kind}: a wrong code, then the right one`,
         async () => {
        const having = await userWith(daemon, kind, 'PHONE');
        await visit({}, async (visitor) => {
            const begun = await begin(visitor, having.user);
            const { tab } = begun;
            await tile(tab, type);
            const right = await read(having);
            await code(tab, wrong(right, 7));
            assert.match(await error(tab), /\w/);
            assert.doesNotMatch(await tab.text(), /undefined|\[object/);
            await code(tab, right);
            assert.deepEqual(await finished(begun), end);
            tab.refused('POST checkOtp 400');
        });
    });

test('authn D.7-6: one address alone: straight to its code', async () => {
    const { user } = await userWith(daemon, 'EMAIL');
    await visit({}, async (visitor) => {
        const begun = await begin(visitor, user);
        await code(begun.tab, await codeFor(daemon, user.email));
        assert.deepEqual(await finished(begun), mailed);
        assert.equal(begun.tab.posts('selectDevice').length, 0);
    });
});

test('authn F.4-8, F.4-7: another device, from the passcode page', async () => {
    const { user } = await userWith(daemon, 'EMAIL', 'SMS');
    await visit({}, async (visitor) => {
        const begun = await begin(visitor, user);
        const { tab } = begun;
        await tile(tab, 'Email');
        const old = await codeFor(daemon, user.email);
        await drawn(tab);
        await tab.page.locator('#changeDevice').click();
        await tile(tab, 'SMS');
        const right = await codeFor(daemon, user.phone);
        await code(tab, old === right ? wrong(right) : old);
        await error(tab);
        await code(tab, right);
        assert.equal((await finished(begun))[0], 'web_login_sms');
        await daemon.settled();
        assert.equal(codesTo(daemon, user.email), 1);
        assert.equal(codesTo(daemon, user.phone), 1);
        tab.refused('POST checkOtp 400');
    });
});

// --- Push.

test('authn F.4-4..6, D.1-4: a push is approved; poll is never posted',
     async () => {
    const { user, PHONE: phone } = await userWith(daemon, 'EMAIL', 'PHONE');
    await visit({}, async (visitor) => {
        const begun = await begin(visitor, user);
        const { tab } = begun;
        await tile(tab, 'Android');
        await waiting(tab);
        await tab.see('Pixel 8');
        const looks = () => tab.requests.filter((one) =>
            one.method() === 'GET' && /\/flows\//.test(one.url())).length;
        await until('two looks', () => looks() >= 2, patience);
        await answer(phone, 'approve');
        assert.deepEqual(await finished(begun), pushed);
        assert.equal(tab.posts('poll').length, 0);
        assert.equal(tab.posts('continueAuthentication').length, 1);
        assert.equal((await phone.requests()).json.requests.length, 0);
    });
});

for (const [how, widget] of [['', {}], [', actions in the query',
                                        { useActionParam: true }]])
    test(`authn F.4-24, E.4: a push, in redirect mode${how}`, async () => {
        const { user, PHONE: phone } = await userWith(daemon, 'PHONE');
        await visit({}, async (visitor) => {
            const { tab, verifier } = await beginByRedirect(visitor, place,
                                                            widget);
            await password(tab, user);
            await waiting(tab);
            await answer(phone, 'approve');
            const { searchParams: told } = await tab.at(
                'the callback', ({ href }) => href.startsWith(place.callback));
            await tab.see('Back at the application');
            const { mfa_status: status } = await claimsOf(place, verifier, {
                code: told.get('code'), redirect_uri: place.callback });
            assert.equal(status, `${prefix}web_login_mobile`);
        });
    });

test('authn F.4-13, D.1-6: denied: nothing is left but to cancel', async () => {
    const { user, PHONE: phone } = await userWith(daemon, 'EMAIL', 'PHONE');
    await visit({}, async (visitor) => {
        const { tab } = await begin(visitor, user);
        await tile(tab, 'Android');
        await waiting(tab);
        await answer(phone, 'deny');
        await deadEnd(tab, 'Blocked');
        assert.equal(await tab.page.$('#changeDevice'), null);
        await cancel(tab);
        await tab.see((await mustHaveFailed(tab)).userMessage);
    });
});

// What the page makes of it depends on the phone: with codes there is a form.
test('authn F.4-14, D.1-5: no answer in time: asked again, then approved',
     async () => {
    const own = await daemonWith();
    const at = placeOf(own, shop);
    const { user, PHONE: phone } = await userWith(own, 'PHONE', 'EMAIL');
    await visit({}, async (visitor) => {
        const begun = await begin(visitor, user, { at });
        const { tab } = begun;
        await tile(tab, 'Android');
        await waiting(tab);
        const first = await phone.waiting();
        own.advance(41 * second);
        await tab.page.waitForSelector('#otp', { visible: true });
        assert.equal((await phone.requests()).json.requests.length, 0);
        await (await tab.page.waitForSelector('[data-mfa-selection]',
                                              { visible: true })).click();
        await waiting(tab);
        assert.notEqual((await phone.waiting()).challenge, first.challenge);
        await answer(phone, 'approve');
        assert.deepEqual(await finished(begun, at), pushed);
    });
});

test('authn F.4-9,14: no answer in time: a passcode, wrong, then right',
     async () => {
    const own = await daemonWith();
    const at = placeOf(own, shop);
    const { user, PHONE: phone } = await userWith(own, 'PHONE');
    await visit({}, async (visitor) => {
        const begun = await begin(visitor, user, { at });
        const { tab } = begun;
        await waiting(tab);
        own.advance(41 * second);
        await code(tab, wrong(phone.code(), 7));
        await error(tab);
        await code(tab, phone.code());
        assert.equal((await finished(begun, at))[0], 'web_login_mobile');
        tab.refused('POST checkOtp 400');
    });
});

test('authn F.4-14: no answer in time, and no passcodes: Retry', async () => {
    const own = await daemonWith(policies({ mobile: mobile({
        otp: { enabled: false }, pairingConfirmation: { enabled: false },
        push: { enabled: true, numberMatching: { enabled: false } } }) }));
    const at = placeOf(own, shop);
    const { user, PHONE: phone } = await userWith(own, 'PHONE');
    await visit({}, async (visitor) => {
        const begun = await begin(visitor, user, { at });
        const { tab } = begun;
        await tab.see('Request sent to:');
        assert.equal(await tab.page.$('#usePasscode'), null);
        own.advance(41 * second);
        const retry = await tab.page.waitForSelector(
            'button[data-mfa-selection]', { visible: true });
        assert.equal(await tab.page.$('#otp'), null);
        await retry.click();
        await tab.see('Request sent to:');
        await answer(phone, 'approve');
        assert.deepEqual(await finished(begun, at), pushed);
        assert.equal(tab.posts('selectDevice').length, 1); // F.4-7
    });
});

test('authn F.4-14: no answer in time: cancelled', async () => {
    const own = await daemonWith();
    const { user } = await userWith(own, 'PHONE');
    await visit({}, async (visitor) => {
        const { tab } = await begin(visitor, user, { at: placeOf(own, shop) });
        await waiting(tab);
        own.advance(41 * second);
        await tab.page.waitForSelector('#otp', { visible: true });
        await cancel(tab);
        await mustHaveFailed(tab);
    });
});

test('authn F.4-8: another device, from the push; the push is void',
     async () => {
    const { user, PHONE: phone } = await userWith(daemon, 'EMAIL', 'PHONE');
    await visit({}, async (visitor) => {
        const begun = await begin(visitor, user);
        const { tab } = begun;
        await tile(tab, 'Android');
        await waiting(tab);
        const asked = await phone.waiting();
        await tab.page.locator('#changeDevice').click();
        await tile(tab, 'Email');
        const right = await codeFor(daemon, user.email);
        const late = await phone.answer(asked, 'approve');
        assert.notEqual(late.status, 200, late.text);
        await code(tab, right);
        assert.deepEqual(await finished(begun), mailed);
    });
});

test('authn F.4-9, F.4-10: a passcode instead of the push: wrong, then right',
     async () => {
    const { user, PHONE: phone } = await userWith(daemon, 'PHONE');
    await visit({}, async (visitor) => {
        const begun = await begin(visitor, user);
        const { tab } = begun;
        await waiting(tab);
        await tab.page.locator('#usePasscode').click();
        await code(tab, wrong(phone.code(), 7));
        assert.match(await error(tab), /\w/);
        await code(tab, phone.code());
        assert.equal((await finished(begun))[0], 'web_login_mobile');
        tab.refused('POST checkOtp 400');
    });
});

test('authn F.4-7: a click on a phone\'s tile is two requests, one push',
     async () => {
    const { user, PHONE: phone } = await userWith(daemon, 'EMAIL', 'PHONE');
    await visit({}, async (visitor) => {
        const begun = await begin(visitor, user);
        const { tab } = begun;
        await tile(tab, 'Android');
        await waiting(tab);
        await drawn(tab);
        assert.equal(tab.posts('selectDevice').length, 2);
        const { requests } = (await phone.requests()).json;
        assert.equal(requests.length, 1);
        await answer(phone, 'approve');
        assert.deepEqual(await finished(begun), pushed);
    });
});

// --- Cancelling, and dead ends.

test('authn G-5: cancelled at the choice', async () => {
    const { user } = await userWith(daemon, 'EMAIL', 'SMS');
    await visit({}, async (visitor) => {
        const { tab } = await begin(visitor, user);
        await tab.page.waitForSelector('.tile-button', { visible: true });
        await cancel(tab);
        await tab.see((await mustHaveFailed(tab)).userMessage);
    });
});

test('authn G-5: cancelled while a push waits, by the choice', async () => {
    const { user, PHONE: phone } = await userWith(daemon, 'PHONE');
    await visit({}, async (visitor) => {
        const { tab } = await begin(visitor, user);
        await waiting(tab);
        await tab.page.locator('#changeDevice').click();
        await cancel(tab);
        await mustHaveFailed(tab);
        assert.equal((await phone.requests()).json.requests.length, 0);
    });
});

test('S8: cancelled in redirect mode: access_denied', async () => {
    const { user } = await userWith(daemon, 'EMAIL', 'SMS');
    await visit({}, async (visitor) => {
        const { tab } = await beginByRedirect(visitor, place);
        await password(tab, user);
        await tab.page.waitForSelector('.tile-button', { visible: true });
        await cancel(tab);
        const { searchParams: told } = await tab.at(
            'the callback', ({ href }) => href.startsWith(place.callback));
        assert.equal(told.get('error'), 'access_denied');
        await tab.see('Back at the application');
    });
});

// Wrong codes until it is over; the last one is no error but a state.
async function guessed(tab, right)
{
    for (let i = 1; i < 3; i++) {
        await code(tab, wrong(right, i));
        await error(tab);
        await until('the field to be empty', () => tab.page.evaluate(() =>
            document.querySelector('#otp')?.value === ''), patience);
    }
    await code(tab, wrong(right, 3));
    await until('the dead end', async () => !(await tab.page.$('#otp')),
                patience);
}

test('authn F.4-21, D.1-14: MFA_FAILED; the device rests, and is not offered',
     async () => {
    const own = await daemonWith(policies({ email: resting }));
    const at = placeOf(own, shop);
    const { user } = await userWith(own, 'EMAIL', 'SMS', 'TOTP');
    await visit({}, async (visitor) => {
        const { tab } = await begin(visitor, user, { at });
        await tile(tab, 'Email');
        await guessed(tab, await codeFor(own, user.email));
        await deadEnd(tab, 'Cancel');
        assert.ok((await tab.text()).replace('Cancel', '').trim().length > 10);
        await cancel(tab);
        await mustHaveFailed(tab);
        tab.refused('POST checkOtp 400', 'POST checkOtp 400');

        const next = await begin(visitor, user, { at });
        await next.tab.page.waitForSelector('.tile-button[id^="SMS-"]',
                                            { visible: true });
        assert.equal(await next.tab.page.$('.tile-button[id^="Email-"]'), null);
        await tile(next.tab, 'SMS');
        await code(next.tab, await codeFor(own, user.phone));
        assert.equal((await finished(next, at))[0], 'web_login_sms');
    });
});

test('authn D.8-8: the only device rests: MFA_FAILED at once', async () => {
    const own = await daemonWith(policies({ sms: resting }));
    const at = placeOf(own, shop);
    const { user } = await userWith(own, 'SMS');
    await visit({}, async (visitor) => {
        const { tab } = await begin(visitor, user, { at });
        await guessed(tab, await codeFor(own, user.phone));
        await cancel(tab);
        await mustHaveFailed(tab);
        tab.refused('POST checkOtp 400', 'POST checkOtp 400');
        const next = await begin(visitor, user, { at });
        await deadEnd(next.tab, 'Cancel');
        assert.equal(await next.tab.page.$('.tile-button'), null);
        await cancel(next.tab);
        await mustHaveFailed(next.tab);
        await own.settled();
        assert.equal(codesTo(own, user.phone), 1);
    });
});

test('authn D.8-7: ACCOUNT_LOCKED_OUT has a heading of its own', async () => {
    const own = await daemonWith({ mfa_settings: { lockout: {
        failureCount: 3, durationSeconds: 3600 } } });
    const { user } = await userWith(own, 'EMAIL', 'SMS');
    await visit({}, async (visitor) => {
        const at = placeOf(own, shop);
        const { tab } = await begin(visitor, user, { at });
        await tile(tab, 'Email');
        await guessed(tab, await codeFor(own, user.email));
        tab.refused('POST checkOtp 400', 'POST checkOtp 400');
        const next = await begin(visitor, user, { at });
        await deadEnd(next.tab, 'Account Locked');
        await cancel(next.tab);
        await mustHaveFailed(next.tab);
        own.advance(61 * minute);
        const later = await begin(visitor, user, { at });
        await later.tab.page.waitForSelector('.tile-button[id^="SMS-"]',
                                             { visible: true });
    });
});

// --- Pairing.

// From the invitation to the menu.
async function menu(visitor, user)
{
    const begun = await begin(visitor, user);
    await begun.tab.see('Setup MFA');
    await press(begun.tab, 'setupMfa');
    await begun.tab.page.waitForSelector('[data-mfa-device-pairing-selection]',
                                         { visible: true });
    return begun;
}

async function choose({ tab }, type, application = '')
{
    await (await tab.page.waitForSelector(
        `[data-mfa-device-pairing-selection="${type}.${application}"]`,
        { visible: true })).click();
}

async function typed(tab, selector, text)
{
    await tab.page.waitForSelector(selector, { visible: true });
    await tab.page.type(selector, text);
    await submit(tab);
}

test('authn D.2-2,3: the invitation, its menu, and out of both', async () => {
    const user = await mfaUser(daemon);
    await visit({}, async (visitor) => {
        const { tab } = await menu(visitor, user);
        const offered = await tab.page.$$eval(
            '[data-mfa-device-pairing-selection]', (nodes) => nodes.map(
                (node) => node.dataset.mfaDevicePairingSelection));
        assert.deepEqual([...new Set(offered)], [
            'MOBILE.Authenticator', 'MOBILE.factor-phone', 'TOTP.', 'SMS.',
            'Email.']);
        await press(tab, 'cancelDevicePairing');
        await tab.see('Setup MFA');
        await cancel(tab);
        await mustHaveFailed(tab);
    });
});

test('authn D.2-9: an authenticator app: QR code, key, wrong code, right one',
     async () => {
    const user = await mfaUser(daemon);
    await visit({}, async (visitor) => {
        const begun = await menu(visitor, user);
        const { tab } = begun;
        await choose(begun, 'TOTP');
        await tab.page.waitForSelector('canvas#qrcode', { visible: true });
        await tab.page.waitForSelector('#otp', { visible: true });
        const key = secret('TOTP secret',
                           /\b[A-Z2-7]{32}\b/.exec(await tab.text())[0]);
        const right = totp(key, daemon.now());
        await code(tab, wrong(right, 7));
        await error(tab);
        await code(tab, right);
        assert.deepEqual(await finished(begun), ['device_paired', ['pwd']]);
        tab.refused('POST activateTotpDevice 400');
    });
});

const targets = {
    SMS: { field: '#phone', to: (user) => user.phone,
           bad: '5550100', action: 'SmsDevice', target: 'SmsTarget' },
    Email: { field: '#email', to: (user) => `home-${user.email}`,
             bad: '.x@example.com',
             action: 'EmailDevice', target: 'EmailTarget' },
};

for (const [type, { field, to, bad, action, target }] of
     Object.entries(targets))
    test(`authn D.2-5..8: ${type}: a bad target, a wrong code, sent again`,
         async () => {
        const user = await mfaUser(daemon);
        await visit({}, async (visitor) => {
            const begun = await menu(visitor, user);
            const { tab } = begun;
            await choose(begun, type);
            await typed(tab, field, bad);
            await until('the refusal', () => tab.replies.length, patience);
            await drawn(tab);
            await tab.page.$eval(field, (node) => { node.value = ''; });
            await typed(tab, field, to(user));
            const first = await codeFor(daemon, to(user));
            await tab.see('sent to:', 'Resend');
            await press(tab, 'resendOtp');
            const right = await codeFor(daemon, to(user));
            assert.equal(right, first);
            await code(tab, wrong(right));
            await error(tab);
            await code(tab, right);
            assert.equal((await finished(begun))[0], 'device_paired');
            tab.refused(`POST submit${target} 400`,
                        `POST activate${action} 400`);
        });
    });

test('authn D.2-4: MFA_DEVICE_PAIRING_METHOD_FAILED, and back', async () => {
    const user = await mfaUser(daemon);
    await visit({}, async (visitor) => {
        const begun = await menu(visitor, user);
        const { tab } = begun;
        await choose(begun, 'Email');
        await typed(tab, '#email', user.email);
        await guessed(tab, await codeFor(daemon, user.email));
        await deadEnd(tab, 'Blocked');
        await press(tab, 'cancelDevicePairing');
        await tab.page.waitForSelector('[data-mfa-device-pairing-selection]',
                                       { visible: true });
        tab.refused('POST activateEmailDevice 400',
                    'POST activateEmailDevice 400');
    });
});

test('authn D.2-10, D.7-19, F.4-5: a phone, by what stands below the QR code',
     async () => {
    const user = await mfaUser(daemon), phone = await Phone.make(daemon);
    await visit({}, async (visitor) => {
        const begun = await menu(visitor, user);
        const { tab } = begun;
        await choose(begun, 'MOBILE', 'Authenticator');
        await tab.page.waitForSelector('canvas#qrcode', { visible: true });
        await tab.see('Authenticator', '#v=1&iss=');
        assert.equal(await tab.page.$eval('#qrcode', ({ width, height }) =>
            width === height && width > 100), true);
        const [link] = /\bhttps?:\S+#v=1&\S+/.exec(await tab.text());
        const paired = await phone.pair(secret('pairing link', link));
        assert.equal(paired.status, 201, paired.text);
        assert.deepEqual(await finished(begun), ['device_paired', ['pwd']]);
        assert.equal(tab.posts('poll').length, 0);

        const next = await begin(visitor, user);
        await waiting(next.tab);
        await answer(phone, 'approve');
        assert.deepEqual(await finished(next), pushed);
    });
});

test('authn D.2-10: a phone: cancelled; its key is dead', async () => {
    const user = await mfaUser(daemon), phone = await Phone.make(daemon);
    await visit({}, async (visitor) => {
        const begun = await menu(visitor, user);
        const { tab } = begun;
        await choose(begun, 'MOBILE', 'Authenticator');
        await tab.see('#v=1&iss=');
        const [link] = /\bhttps?:\S+#v=1&\S+/.exec(await tab.text());
        await press(tab, 'cancelDevicePairing');
        await tab.page.waitForSelector('[data-mfa-device-pairing-selection]',
                                       { visible: true });
        assert.equal((await phone.pair(link)).status, 400);
    });
});

test('authn D.7-16: a further device, from the choice, behind a factor',
     async () => {
    const { user } = await userWith(daemon, 'EMAIL', 'TOTP');
    await visit({}, async (visitor) => {
        const begun = await begin(visitor, user);
        const { tab } = begun;
        await tab.page.locator('#addMfaMethod').click();
        await tab.page.locator('#confirmation_button').click();
        await until('the request', () => tab.posts('setupMfa').length,
                    patience);
        await drawn(tab);
        await tile(tab, 'Email');
        await code(tab, await codeFor(daemon, user.email));
        await choose(begun, 'SMS');
        await typed(tab, '#phone', user.phone);
        await code(tab, await codeFor(daemon, user.phone));
        assert.ok((await finished(begun))[0]);
        const next = await begin(visitor, user);
        await tile(next.tab, 'SMS');
        await code(next.tab, await codeFor(daemon, user.phone));
        assert.equal((await finished(next))[0], 'web_login_sms');
    });
});

// --- With what only an app can send: the widget's request is filled in.

function payloadOf(tab, mobilePayload)
{
    tab.page.on('request', (request) =>
        request.method() === 'POST' &&
        request.headers()['content-type']?.includes('.authenticate+json')
            ? request.continue({ postData: JSON.stringify({ mobilePayload }) })
            : request.continue());
    return tab.page.setRequestInterception(true);
}

test('authn F.4-4, D.2-1: MOBILE_PAIRING_REQUIRED is passed by', async () => {
    const user = await mfaUser(daemon), phone = await Phone.make(daemon);
    const payload = await phone.payload('widget');
    await visit({}, async (visitor) => {
        const begun = await begin(visitor, user, {
            prepare: (tab) => payloadOf(tab, payload) });
        assert.deepEqual(await finished(begun), ['device_not_paired', ['pwd']]);
        assert.ok(begun.tab.logs.some((text) =>
            /MOBILE_PAIRING_REQUIRED/.test(text)));
    });
});

test('authn D.1-13, D.7-13: MFA_COMPLETED with a code', async () => {
    const { user, PHONE: phone } = await userWith(daemon, 'PHONE');
    const payload = await phone.payload('widget');
    await visit({}, async (visitor) => {
        const begun = await begin(visitor, user, {
            prepare: (tab) => payloadOf(tab, payload) });
        assert.equal((await finished(begun))[0], 'device_authorized');
        assert.equal(begun.tab.posts('continueAuthentication').length, 1);
    });
});

await run({ concurrency: 2 });
