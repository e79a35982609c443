// SPDX-License-Identifier: MIT
// slow
// The MFA adapter's states on our sign-on page, as looks.test.mjs looks at the
// others: small and large, light and dark, in English and German.
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { source, until } from '../lib/daemon.mjs';
import { codeFor, mfaUser, second, userWith, wrong } from '../lib/mfa.mjs';
import { Phone } from '../lib/phone.mjs';
import { secret } from '../lib/secrets.mjs';
import { run, test } from '../lib/tap.mjs';
import { patience, visit } from './lib/chrome.mjs';
import { beginDemo, demoDaemon } from './lib/demo.mjs';
import { look } from './lib/looks.mjs';

// As shipped, but that anything may be the first device.
const made = (mfa = {}) => demoDaemon({ adapters: { mfa: {
    first_device: 'allowed', resend_cooldown: '0s', ...mfa } } });

const daemon = await made();

// body(say, at, visitor): for each language; say(english, german).
function inBoth(name, body)
{
    for (const language of ['en', 'de'])
        test(`T3: ${name} (${language})`, { timeout: 150000 }, () =>
            visit({ languages: language }, async (visitor) => {
                const say = (english, german) =>
                    language === 'en' ? english : german;
                const at = (tab, state) =>
                    look(tab, `mfa-${state}-${language}`,
                         { brief: language !== 'en' });
                await body({ say, at, visitor, language });
            }));
}

async function begin({ say, visitor }, user, at = daemon,
                     acr = 'urn:factord:mfa')
{
    const tab = await beginDemo(visitor, at, 'redirect', { acr });
    await tab.fill(say('Username', 'Benutzername'), user.username);
    await tab.fill(say('Password', 'Passwort'), user.password);
    await tab.press(say('Sign in', 'Anmelden'));
    return tab;
}

const number = (tab) => tab.page.waitForSelector('.number',
                                                 { visible: true });

// Drawn, and with its picture.
const picture = (tab) => tab.page.waitForSelector('.qr svg',
                                                  { visible: true });

inBoth('a push: number, denied, another device', async (seen) => {
    const { say, at, language } = seen;
    const { user, PHONE: phone } = await userWith(daemon, 'EMAIL', 'PHONE');
    const tab = await begin(seen, { ...user, language });
    await tab.step(say('Confirm it’s you',
                       'Bestätigen Sie, dass Sie es sind'));
    await tab.see(say('Manage my devices', 'Meine Geräte verwalten'));
    await at(tab, 'choice');
    await tab.tile('Pixel 8');
    await tab.step(say('Check your phone', 'Sehen Sie auf Ihr Telefon'));
    await number(tab);
    await at(tab, 'push');
    await tab.page.locator('summary').click();
    await at(tab, 'push-code');
    await phone.answer(await phone.waiting(), 'deny');
    await tab.step(say('Denied on your phone',
                       'Auf Ihrem Telefon abgelehnt'));
    await at(tab, 'denied');
});

inBoth('a push: no answer, and the end of it', async (seen) => {
    const { say, at } = seen;
    const own = await made();
    const { user } = await userWith(own, 'SMS', 'PHONE');
    const tab = await begin(seen, user, own);
    await tab.tile('Pixel 8');
    await number(tab);
    own.advance(41 * second);
    await tab.step(say('No answer from your phone',
                       'Keine Antwort von Ihrem Telefon'));
    await at(tab, 'late');
    await tab.tile(say('Text message', 'SMS'));
    await tab.step(say('Enter your code', 'Code eingeben'));
    await at(tab, 'passcode');
    const right = await codeFor(own, user.phone);
    for (let i = 1; i <= 3; i++) {
        const field = await tab.find('textbox', say('One-time code',
                                                    'Einmalcode'));
        await field.click({ count: 3 });
        await tab.type(wrong(right, i));
        await tab.keys('Enter');
        await until('the answer', () => tab.posts('checkOtp').length === i,
                    patience);
        await tab.see(i < 3 ? say('left', 'Noch')
                            : say('We could not confirm',
                                  'Bestätigung nicht möglich'));
    }
    await at(tab, 'failed');
    tab.refused('POST checkOtp 400', 'POST checkOtp 400');
});

inBoth('a push without a number', async (seen) => {
    const { say, at } = seen;
    const { user } = await userWith(daemon, 'PHONE');
    const tab = await begin(seen, user, daemon, 'urn:factord:mfa-ping');
    await tab.see(say('Approve the sign-on on your phone',
                      'Bestätigen Sie die Anmeldung auf Ihrem Telefon'));
    await at(tab, 'push-plain');
});

async function menu(seen, user)
{
    const { say, at } = seen;
    const tab = await begin(seen, user);
    await tab.step(say('Add a device', 'Gerät hinzufügen'));
    await at(tab, 'setup');
    await tab.press(say('Add a device', 'Gerät hinzufügen'));
    await tab.step(say('What do you want to add?',
                       'Was möchten Sie hinzufügen?'));
    return tab;
}

inBoth('a phone is added, and named', async (seen) => {
    const { say, at } = seen;
    const user = await mfaUser(daemon), phone = await Phone.make(daemon);
    const tab = await menu(seen, user);
    await at(tab, 'methods');
    await tab.press(say('A phone (Authenticator)',
                        'Ein Telefon (Authenticator)'));
    await tab.step(say('Add your phone', 'Telefon hinzufügen'));
    await picture(tab);
    await at(tab, 'scan');
    const link = await tab.page.$eval('a[href*="#"]', (node) => node.href);
    assert.equal((await phone.pair(secret('pairing link', link))).status, 201);
    await tab.see('Pixel 8');
    await at(tab, 'compare');
    await tab.press(say('Yes, add this phone',
                        'Ja, dieses Telefon hinzufügen'));
    await tab.step(say('Give it a name', 'Geben Sie ihm einen Namen'));
    await tab.find('textbox', 'Name');
    await at(tab, 'name');
});

inBoth('an authenticator app is added', async (seen) => {
    const { say, at } = seen;
    const tab = await menu(seen, await mfaUser(daemon));
    await tab.press(say('An authenticator app', 'Eine Authenticator-App'));
    await tab.step(say('Set up your authenticator app',
                       'Authenticator-App einrichten'));
    await picture(tab);
    await at(tab, 'app');
    await tab.fill(say('Code that the app shows', 'Code, den die App zeigt'),
                   '000000');
    await tab.keys('Enter');
    await until('the refusal', () => tab.replies.length, patience);
    await tab.page.waitForSelector('.notice[data-kind=error] p');
    await at(tab, 'app-wrong');
    tab.refused('POST activateTotpDevice 400');
});

inBoth('addresses are added', async (seen) => {
    const { say, at } = seen;
    const user = await mfaUser(daemon);
    const tab = await menu(seen, user);
    await tab.press(say('A number for text messages', 'Eine Nummer für SMS'));
    await tab.step(say('Your phone number', 'Ihre Telefonnummer'));
    await at(tab, 'number');
    await tab.keys('Tab');
    await tab.type('0155 501');
    await tab.keys('Enter');
    await until('the refusal', () => tab.replies.length, patience);
    await tab.page.waitForSelector('.problem p, [data-kind=error] p');
    await at(tab, 'number-wrong');
    tab.refused('POST submitSmsTarget 400');
    await tab.press(say('Back', 'Zurück'));
    await tab.step(say('What do you want to add?',
                       'Was möchten Sie hinzufügen?'));
    await tab.press(say('An e-mail address', 'Eine E-Mail-Adresse'));
    await tab.step(say('Your e-mail address', 'Ihre E-Mail-Adresse'));
    await at(tab, 'address');
    await tab.fill(say('E-mail address', 'E-Mail-Adresse'), user.email);
    await tab.keys('Enter');
    await tab.step(say('Enter the code we sent',
                       'Geben Sie den gesendeten Code ein'));
    await at(tab, 'confirm');
    const right = await codeFor(daemon, user.email);
    for (let i = 1; i <= 3; i++) {
        const field = await tab.find('textbox', say('One-time code',
                                                    'Einmalcode'));
        await field.click({ count: 3 });
        await tab.type(wrong(right, i));
        await tab.keys('Enter');
        await until('the answer', () =>
            tab.posts('activateEmailDevice').length === i, patience);
        await until('the end of it', () => tab.page.evaluate(() =>
            !document.querySelector('[aria-disabled=true]')), patience);
    }
    await tab.step(say('The device was not added',
                       'Das Gerät wurde nicht hinzugefügt'));
    await at(tab, 'not-added');
    tab.refused('POST activateEmailDevice 400', 'POST activateEmailDevice 400');
});

inBoth('devices are managed', async (seen) => {
    const { say, at } = seen;
    const { user } = await userWith(daemon, 'EMAIL', 'SMS', 'TOTP', 'PHONE');
    const tab = await begin(seen, user);
    await tab.press(say('Manage my devices', 'Meine Geräte verwalten'));
    await tab.answered('manageDevices');
    await at(tab, 'choice-to-manage');
    await tab.tile(say('E-mail', 'E-Mail'));
    await tab.step(say('Enter your code', 'Code eingeben'));
    await tab.fill(say('One-time code', 'Einmalcode'),
                   await codeFor(daemon, user.email));
    await tab.keys('Enter');
    await tab.step(say('Your devices', 'Ihre Geräte'));
    await tab.see('Pixel 8');
    await at(tab, 'devices');
    for (const summary of await tab.page.$$('li:first-child .device summary'))
        await summary.click();
    await at(tab, 'devices-open');
});

// What is counted is what travels, uncompressed: also the plugin's part.
test('T3: a sign-on with a phone loads less than 60 KiB of pages', async () => {
    const { user } = await userWith(daemon, 'EMAIL', 'PHONE');
    await visit({}, async (visitor) => {
        const tab = await visitor.tab(null);
        const loaded = new Map();
        tab.page.on('response', async (response) => {
            const { origin, pathname } = new URL(response.url());
            if (origin !== daemon.base)
                loaded.set(response.url(), Infinity); // no outside request
            else if (/^\/(common|signon|parts)\//.test(pathname))
                loaded.set(pathname, (await response.buffer()).length);
        });
        await tab.open(`${daemon.base}/demo/?acr_values=urn:factord:mfa`);
        await tab.press('Sign in (redirect)');
        await tab.fill('Username', user.username);
        await tab.fill('Password', user.password);
        await tab.press('Sign in');
        await tab.tile('Pixel 8');
        await number(tab);
        const total = [...loaded.values()].reduce((all, one) => all + one, 0);
        assert.ok(loaded.has('/parts/mfa/adapter-mfa.mjs') ||
                  [...loaded.keys()].some((path) => /parts/.test(path)));
        assert.ok(total > 30000 && total < 60 * 1024, `${total} bytes`);
    });
});

test('T3: web/common, web/signon and the first page are under 60 KiB', () => {
    const total = ['common', 'signon', 'index.html'].reduce((sum, part) => {
        const path = join(source, 'web', part);
        const files = statSync(path).isDirectory()
            ? readdirSync(path).map((name) => join(path, name)) : [path];
        return files.reduce((all, file) => all + statSync(file).size, sum);
    }, 0);
    assert.ok(total < 60 * 1024, `${total} bytes`);
});

await run({ concurrency: 2 });
