// SPDX-License-Identifier: MIT
// slow
// Every state of our pages, at 360 and 1280 px, light and dark: axe-core (A
// and AA) finds nothing (T3), and screenshots are left in BUILD/screenshots.
import assert from 'node:assert/strict';

import { run, test } from '../lib/tap.mjs';
import { visit } from './lib/chrome.mjs';
import { beginDemo, demoDaemon, passcode, password, toPasscode, ways,
         wrongOf } from './lib/demo.mjs';
import { look } from './lib/looks.mjs';

const daemon = await demoDaemon({ adapters: {
    otp: { resend_cooldown: '30s', lock_after: 2, max_attempts: 2 } } });

test('T3: the first page, the demo, its message page', async () => {
    const fresh = await demoDaemon();
    await visit({}, async (visitor) => {
        const tab = await visitor.tab(`${fresh.base}/`);
        await tab.find('link', 'Demo application Sign in as joe or ann');
        await look(tab, 'index');
        await tab.open(`${fresh.base}/demo/`);
        await tab.find('button', ways.here);
        await look(tab, 'demo-start');
        await tab.open(`${fresh.base}/messages/`);
        await tab.see('No messages yet');
        await look(tab, 'messages-none');
    });
});

for (const language of ['en', 'de'])
    test(`T3: the sign-on page, from the password to the end (${language})`,
         { timeout: 150000 }, async () => {
        const user = await daemon.user({ locale: language });
        const brief = language !== 'en';
        const say = (english, german) => language === 'en' ? english : german;
        await daemon.ctl('users', 'totp', user.username, { quiet: true });
        await visit({ languages: language }, async (visitor) => {
            const tab = await beginDemo(visitor, daemon, 'redirect');
            const at = (name) => look(tab, `signon-${name}-${language}`,
                                        { brief });
            await tab.step(say('Sign in', 'Anmelden'));
            await at('password');
            await tab.press(say('Sign in', 'Anmelden'));
            await tab.see(say('Please fill in', 'Bitte füllen Sie'));
            await at('password-empty');
            await tab.fill(say('Username', 'Benutzername'), user.username);
            await tab.fill(say('Password', 'Passwort'), 'wrong');
            await tab.keys('Enter');
            await tab.see(say('recognize the username', 'stimmen nicht'));
            await at('password-wrong');
            await tab.type(user.password);
            await tab.keys('Enter');
            await tab.step(say('Confirm it’s you',
                               'Bestätigen Sie, dass Sie es sind'));
            await at('devices');
            await tab.tile(say('E-mail', 'E-Mail'));
            await tab.step(say('Enter your code', 'Code eingeben'));
            await at('passcode');
            await tab.page.locator('summary').click();
            await at('passcode-others');
            await tab.see(say('Send again in', 'Erneut senden in'));
            await tab.reload();
            await tab.press(say('Send the code again', 'Code erneut senden'));
            await tab.see(say('Send again in', 'Erneut senden in'),
                          say('Wait a moment', 'Warten Sie'));
            await at('passcode-too-soon');
            const wrong = wrongOf((await daemon.message(user.email)).code);
            await tab.fill(say('One-time code', 'Einmalcode'), wrong);
            await tab.keys('Enter');
            await tab.see(say('1 try left', 'Noch 1 Versuch'));
            await at('passcode-wrong');
            await tab.type(wrong);
            await tab.keys('Enter');
            await tab.step(say('We could not confirm it’s you',
                               'Bestätigung nicht möglich'));
            await at('failed');
            tab.refused('POST checkUsernamePassword 400',
                        'POST resendOtp 400', 'POST checkOtp 400');

            // The e-mail address is locked now.
            const next = await beginDemo(visitor, daemon, 'redirect');
            await next.fill(say('Username', 'Benutzername'), user.username);
            await next.fill(say('Password', 'Passwort'), user.password);
            await next.press(say('Sign in', 'Anmelden'));
            await next.see(say('Not available now', 'Zurzeit nicht verfügbar'));
            await look(next, `signon-devices-locked-${language}`, { brief });
            await next.tile(say('Authenticator app', 'Authenticator-App'));
            await next.step(say('Enter your code', 'Code eingeben'));
            await look(next, `signon-totp-${language}`, { brief });

            await tab.open(`${daemon.base}/signon/?flowId=x`);
            await tab.step(say('This sign-on has ended',
                               'Diese Anmeldung ist beendet'));
            tab.refused('GET /pf-ws/authn/flows/ID 404');
            await at('ended');
        });
    });

test('T3: the demo signs in on its own page, to "verified"', async () => {
    const user = await daemon.user({ given_name: 'Ünal-Maximiliane' });
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'here');
        await tab.step('Sign in');
        await look(tab, 'here-password');
        const code = await toPasscode(tab, daemon, user);
        await look(tab, 'here-passcode');
        const messages = await visitor.tab(`${daemon.base}/messages/`);
        await messages.see(user.email);
        await look(messages, 'messages');
        await tab.front();
        await passcode(tab, code);
        await tab.step('Verified');
        await tab.page.locator('summary').click();
        await look(tab, 'verified');
    });
});

test('T3: cancelled, both ways', async () => {
    const user = await daemon.user();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'here');
        await password(tab, user);
        await tab.step('Confirm it’s you');
        await tab.press('Cancel');
        await tab.step('Sign-on failed');
        await look(tab, 'here-cancelled');
        const other = await beginDemo(visitor, daemon, 'redirect');
        await password(other, user);
        await other.step('Confirm it’s you');
        await other.press('Cancel');
        await other.step('The sign-in did not succeed');
        await look(other, 'demo-denied');
    });
});

test('T3: no connection', async () => {
    const own = await demoDaemon();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, own, 'redirect');
        await tab.fill('Username', 'joe');
        await tab.fill('Password', 'x');
        await own.stop();
        await tab.press('Sign in');
        await tab.see('The server could not be reached.');
        await look(tab, 'signon-offline');
        assert.match(tab.troubles.splice(0).join(), /ERR_CONNECTION_REFUSED/);
    });
});

test('T3: pages of the host itself: refused, not found, complete', async () => {
    const user = await daemon.user();
    await visit({}, async (visitor) => {
        const tab = await visitor.tab(
            `${daemon.base}/as/authorization.oauth2?client_id=nobody`);
        tab.refused('GET /as/authorization.oauth2 400');
        await look(tab, 'refused');
        await tab.open(`${daemon.base}/demo/nothing`);
        tab.refused('GET /demo/nothing 404');
        await look(tab, 'not-found');

        const demo = await beginDemo(visitor, daemon, 'redirect');
        const code = await toPasscode(demo, daemon, user);
        let resume;
        demo.page.on('request', (request) => {
            if (/\/resume\//.test(request.url()))
                resume = request.url();
        });
        await passcode(demo, code);
        await demo.step('Verified');
        await demo.open(resume);
        demo.replies.splice(0);
        assert.deepEqual(await demo.page.$eval('.card', (node) =>
            [...node.children].map((one) => one.textContent)),
                         ['Sign-on is complete.', 'You can close this page.']);
        await look(demo, 'complete');
    });
});

test('a field without a label, grey on grey, too wide: looks do find it',
     async () => {
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'redirect');
        await tab.step('Sign in');
        const change = (work) => tab.page.evaluate(work);
        await change(() => document.querySelector('label').remove());
        await assert.rejects(look(tab, 'none'), /label: Form elements/);
        await tab.reload();
        await tab.step('Sign in');
        await change(() => {
            document.querySelector('label').style.color = '#bbb';
        });
        await assert.rejects(look(tab, 'none'), /color-contrast/);
        await change(() => {
            document.querySelector('label').style.width = '900px';
        });
        await assert.rejects(look(tab, 'none'), /px wide on 360/);
        await change(() => {
            document.querySelector('label').style.width = '';
            document.querySelector('.primary').style.width = '3.5rem';
        });
        await assert.rejects(look(tab, 'none'), /"Sign" is broken/);
    });
});

test('T3: no JavaScript', async () => {
    await visit({}, async (visitor) => {
        const tab = await visitor.tab();
        await tab.page.setJavaScriptEnabled(false);
        await tab.open(`${daemon.base}/signon/?flowId=x`);
        const shown = await tab.page.$eval('noscript',
                                           (node) => node.textContent);
        assert.match(shown, /Signing in needs JavaScript/);
        assert.match(shown, /Die Anmeldung braucht JavaScript/);
    });
});

await run({ concurrency: 2 });
