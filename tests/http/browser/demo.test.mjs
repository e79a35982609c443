// SPDX-License-Identifier: MIT
// slow
// The demo application and our own sign-on pages in Chromium, by people with
// a mouse, with a keyboard alone, in German, in two tabs, impatient.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { source, startDaemon, until } from '../lib/daemon.mjs';
import { run, test } from '../lib/tap.mjs';
import { patience, visit } from './lib/chrome.mjs';
import { beginDemo, demoDaemon, passcode, password, toPasscode, toVerified,
         ways, wrongOf } from './lib/demo.mjs';

const daemon = await demoDaemon();
const readFlow = 'GET /pf-ws/authn/flows/ID 404';

// --- The demo as it is shipped.

test('the demo: as shipped, as joe, codes from the message page', async () => {
    const demo = await startDaemon(() => ({}), { start: false });
    demo.config = {
        ...JSON.parse(readFileSync(join(source, 'conf/demo.json'))),
        state_directory: demo.state,
        users_file: join(source, 'conf/demo-users.ndjson'),
        server: { listen: `127.0.0.1:${demo.port}`,
                  base_url: `http://127.0.0.1:${demo.port}` },
    };
    await demo.start();
    await visit({}, async (visitor) => {
        const tab = await visitor.tab(`${demo.base}/`);
        await tab.follow('Demo application Sign in as joe or ann');
        await tab.press(ways.redirect);
        await tab.step('Sign in');
        await tab.see(`You are signing in at 127.0.0.1:${demo.port}`);
        await password(tab, { username: 'joe', password: '2FederateM0re' });
        await tab.step('Confirm it’s you');
        await tab.see('j****@example.com', 'Signing in as joe');
        await tab.tile('E-mail');
        await tab.step('Enter your code');
        await tab.see('We sent a code by e-mail to j****@example.com.');

        // "Where the demo's codes arrive" is a link of the demo's page.
        const other = await visitor.tab(`${demo.base}/demo/`);
        const messages = await other.opened(() => other.follow(
            'Their codes arrive on the message page (opens in a new tab)'));
        await messages.see('Messages', 'joe@example.com', 'Copy code');
        const code = await messages.page.$eval('.copy .code',
                                               (node) => node.textContent);
        assert.match(code, /^\d{6}$/);

        await tab.front();
        await passcode(tab, code);
        await tab.step('Verified');
        await tab.see('Signature (ES256', 'joe', 'urn:factord:otp');
        assert.doesNotMatch(await tab.text(), /✗|failed/);
    });
});

// --- Both ways, to "verified".

for (const way of Object.keys(ways)) {
    test(`${way}: password, text message, passcode, verified`, async () => {
        const user = await daemon.user();
        await visit({}, async (visitor) => {
            const tab = await beginDemo(visitor, daemon, way);
            await tab.step('Sign in');
            const code = await toPasscode(tab, daemon, user, 'Text message');
            await passcode(tab, code);
            await tab.step('Verified');
            await tab.see('The ID token is genuine', user.username,
                          'pwd, otp, sms, mfa');
            assert.equal(tab.url.href, `${daemon.base}/demo/`);
            assert.equal((await tab.text()).includes('failed'), false);

            // A reload shows the start, not an error; nor is a token kept.
            await tab.reload();
            await tab.find('button', ways.here);
            const kept = await tab.page.evaluate(() => [
                ...Object.keys(sessionStorage), ...Object.keys(localStorage)]);
            assert.deepEqual(kept.filter((key) =>
                !key.startsWith('factord.start.')), []);
        });
    });

    test(`${way}: keyboard alone`, async () => {
        const user = await daemon.user();
        await visit({}, async (visitor) => {
            const tab = await visitor.tab(`${daemon.base}/demo/`);
            await tab.find('button', ways[way]);
            await tab.tabTo(`button ${ways[way]}`);
            await tab.keys('Enter');
            await tab.step('Sign in');
            await tab.tabTo('input Username');
            await tab.type(user.username);
            await tab.keys('Tab');
            assert.equal(await tab.focus(), 'input Password');
            await tab.type(user.password);
            await tab.keys('Enter');
            await tab.step('Confirm it’s you');
            await tab.tabTo('button E-mail');
            await tab.keys('Space');
            await tab.step('Enter your code');
            // Whoever just types means the field.
            await tab.type((await daemon.message(user.email)).code);
            await tab.keys('Enter');
            await tab.step('Verified');
        });
    });

    test(`${way}: a reload at each step`, async () => {
        const user = await daemon.user();
        await visit({}, async (visitor) => {
            const tab = await beginDemo(visitor, daemon, way);
            await tab.step('Sign in');
            await tab.reload();
            await tab.step('Sign in');
            await password(tab, user);
            await tab.step('Confirm it’s you');
            await tab.reload();
            await tab.step('Confirm it’s you');
            await tab.tile('E-mail');
            await tab.step('Enter your code');
            await tab.reload();
            await tab.step('Enter your code');
            await passcode(tab, (await daemon.message(user.email)).code);
            await tab.step('Verified');
            await daemon.settled();
            assert.equal(daemon.messages()
                             .filter(({ to }) => to === user.email).length, 1);
        });
    });

    test(`${way}: cancel, and start again`, async () => {
        const user = await daemon.user();
        await visit({}, async (visitor) => {
            const tab = await beginDemo(visitor, daemon, way);
            await password(tab, user);
            await tab.step('Confirm it’s you');
            await tab.press('Cancel');
            if (way === 'redirect') {
                await tab.step('The sign-in did not succeed');
                await tab.see('access_denied');
                await tab.press('Start over');
            } else {
                await tab.step('Sign-on failed');
                await tab.press('Start over');
            }
            await tab.press(ways[way]);
            await tab.step('Sign in');
            await toVerified(tab, daemon, user);
        });
    });

    test(`${way}: wrong password, wrong codes, the last one`, async () => {
        const user = await daemon.user();
        await visit({}, async (visitor) => {
            const tab = await beginDemo(visitor, daemon, way);
            await password(tab, user, { password: 'not this' });
            await until('the error', () => tab.page.$('[aria-invalid], ' +
                '.notice[data-kind=error]:not(:empty)'), patience);
            assert.equal(await tab.value('Username'), user.username);
            assert.equal(await tab.value('Password'), '');
            assert.equal(await tab.focus(), 'input Password');
            await tab.type(user.password);
            await tab.keys('Enter');
            await tab.step('Confirm it’s you');
            await tab.tile('E-mail');
            await tab.step('Enter your code');
            const wrong = wrongOf((await daemon.message(user.email)).code);
            await passcode(tab, wrong);
            await tab.see('2 tries left.');
            assert.equal(await tab.focus(), 'input One-time code');
            // The wrong code is marked: typing replaces it.
            await tab.type(wrong);
            await tab.keys('Enter');
            await tab.see('1 try left.');
            assert.equal(await tab.value('One-time code'), wrong);
            await tab.type(wrong);
            await tab.keys('Enter');
            await tab.step('We could not confirm it’s you');
            await tab.press('End this sign-on');
            await tab.see(way === 'redirect' ? 'access_denied'
                : 'Start over');
            tab.refused('POST checkUsernamePassword 400', 'POST checkOtp 400',
                        'POST checkOtp 400');
        });
    });
}

// --- Passcodes, as people bring them.

test('a code from the message page, by clipboard, with spaces', async () => {
    const user = await daemon.user();
    await visit({}, async (visitor) => {
        await visitor.context.overridePermissions(daemon.base, [
            'clipboard-read', 'clipboard-sanitized-write']);
        const tab = await beginDemo(visitor, daemon, 'redirect');
        const code = await toPasscode(tab, daemon, user);
        const messages = await visitor.tab(`${daemon.base}/messages/`);
        await messages.see(user.email);
        await messages.press('Copy code');
        await messages.see('Copied');
        assert.match(await messages.page.evaluate(() =>
            navigator.clipboard.readText()), /^\d{6}$/);
        await messages.page.evaluate(
            (text) => navigator.clipboard.writeText(text),
            ` ${code.slice(0, 3)} ${code.slice(3)} `);
        await tab.front();
        await tab.page.keyboard.down('Control');
        await tab.page.keyboard.press('v', { commands: ['Paste'] });
        await tab.page.keyboard.up('Control');
        await until('the code to be pasted', async () =>
            (await tab.value('One-time code')).includes(code.slice(3)),
                    patience);
        await tab.keys('Enter');
        await tab.step('Verified');
        assert.equal(tab.posts('checkOtp')[0].postData(),
                     JSON.stringify({ otp: code }));
    });
});

test('nothing typed: said at the field, and nothing is sent', async () => {
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'redirect');
        await tab.step('Sign in');
        await tab.press('Sign in');
        await tab.see('Please fill in this field.');
        assert.equal(await tab.focus(), 'input Username');
        assert.equal(tab.posts('checkUsernamePassword').length, 0);
        await tab.fill('Username', 'x');
        await tab.keys('Enter');
        assert.equal(await tab.focus(), 'input Password');
        assert.equal(tab.posts('checkUsernamePassword').length, 0);
    });
});

test('the password can be shown, and is hidden when it is sent', async () => {
    const user = await daemon.user();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'redirect');
        const field = await tab.fill('Password', 'secret words');
        await tab.press('Show password');
        assert.equal(await field.evaluate((node) => node.type), 'text');
        await tab.fill('Username', user.username);
        await tab.press('Sign in');
        await until('the refusal', () => tab.replies.length, patience);
        assert.equal(await field.evaluate((node) => node.type), 'password');
        tab.refused('POST checkUsernamePassword 400');
    });
});

test('S5: a double click on a tile sends one message', async () => {
    const user = await daemon.user();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'here');
        await password(tab, user);
        await tab.step('Confirm it’s you');
        await (await tab.page.waitForSelector('.tile ::-p-text(E-mail)'))
            .click({ count: 2 });
        await tab.step('Enter your code');
        const { code } = await daemon.message(user.email);
        assert.equal(tab.posts('selectDevice').length, 1);
        await daemon.settled();
        assert.equal(daemon.messages().filter(({ to }) => to === user.email)
                         .length, 1);
        await passcode(tab, code);
        await tab.step('Verified');
    });
});

test('another device, from the passcode page', async () => {
    const user = await daemon.user();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'here');
        await toPasscode(tab, daemon, user);
        await tab.page.locator('summary').click();
        await tab.tile('Text message');
        await tab.see('We sent a code by text message');
        await passcode(tab, (await daemon.message(user.phone)).code);
        await tab.step('Verified');
        await tab.see('sms');
    });
});

test('O3: send again: too soon, a countdown, then the same code', async () => {
    const slow = await demoDaemon({ adapters: {
        otp: { resend_cooldown: '30s' } } });
    const user = await slow.user();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, slow, 'redirect');
        const code = await toPasscode(tab, slow, user);
        await tab.see('Send again in'); // at once: nobody has to try in vain
        await tab.page.locator('[data-action=resendOtp]').click();
        assert.equal(tab.posts('resendOtp').length, 0);
        await tab.reload();
        await tab.press('Send the code again');
        await tab.see('Send again in', 'Wait a moment');
        tab.refused('POST resendOtp 400');
        slow.advance(31000);
        await tab.reload();
        await tab.fill('One-time code', '12');
        await tab.press('Send the code again');
        await tab.see('The code was sent again.', 'Send again in');
        assert.equal(await tab.value('One-time code'), '12');
        assert.equal((await slow.message(user.email)).code, code);
        await tab.keys('Backspace', 'Backspace');
        await (await tab.find('textbox', 'One-time code')).click({ count: 3 });
        await tab.type(code);
        await tab.keys('Enter');
        await tab.step('Verified');
    });
});

test('O3: the countdown ends', async () => {
    const quick = await demoDaemon({ adapters: {
        otp: { resend_cooldown: '2s' } } });
    const user = await quick.user();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, quick, 'redirect');
        await toPasscode(tab, quick, user);
        await until('the countdown', async () =>
            /Send again in [12] s/.test(await tab.text()), patience);
        await tab.see('Send the code again');
    });
});

// --- Two tabs, and the way back.

test('S6: a second tab goes on; the first one follows', async () => {
    const user = await daemon.user();
    await visit({ hides: true }, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'redirect');
        await password(tab, user);
        await tab.step('Confirm it’s you');
        const second = await visitor.tab(tab.url.href);
        await second.step('Confirm it’s you');
        await second.tile('E-mail');
        await second.step('Enter your code');
        const { code } = await daemon.message(user.email);
        await tab.front();
        await tab.step('Enter your code'); // by itself, once it is seen
        await passcode(tab, code);
        await tab.step('Verified');
        // P5: the code was redeemed in the first tab.
        await second.front();
        await second.see('Sign-on is complete.');
    });
});

test('S6: an action that another tab was first with', async () => {
    const user = await daemon.user();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'redirect');
        await tab.step('Sign in');
        const second = await visitor.tab(tab.url.href);
        await second.step('Sign in');
        await password(second, user);
        await second.step('Confirm it’s you');
        // Without being looked at in between.
        await tab.page.evaluate(() => {
            document.querySelector('[name=username]').value = 'joe';
            document.querySelector('[name=password]').value = 'x';
            document.querySelector('form').requestSubmit();
        });
        await tab.step('Confirm it’s you');
        await tab.see('This sign-on had moved on.');
        tab.refused('POST checkUsernamePassword 400');
    });
});

test('two sign-ons in two tabs of one browser', async () => {
    const [one, two] = [await daemon.user(), await daemon.user()];
    await visit({}, async (visitor) => {
        const first = await beginDemo(visitor, daemon, 'redirect');
        await first.step('Sign in');
        const second = await beginDemo(visitor, daemon, 'redirect');
        await second.step('Sign in');
        await toVerified(second, daemon, two);
        await first.front();
        await first.step('Sign in');
        await toVerified(first, daemon, one);
        await first.see(one.username);
    });
});

test('back out of the sign-on page, and forward again', async () => {
    const user = await daemon.user();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'redirect');
        await tab.step('Sign in');
        await tab.back();
        await tab.find('button', ways.redirect);
        await tab.page.goForward();
        await tab.step('Sign in');
        await toVerified(tab, daemon, user);
    });
});

test('back after "verified": no second sign-on, no error', async () => {
    const user = await daemon.user();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'redirect');
        await toVerified(tab, daemon, user);
        await tab.back();
        await tab.find('button', ways.redirect);
        assert.doesNotMatch(await tab.text(), /undefined|Not verified/);
    });
});

test('S2, H2: an address of no flow: told, with a way on', async () => {
    await visit({}, async (visitor) => {
        const tab = await visitor.tab(
            `${daemon.base}/signon/?flowId=${'A'.repeat(22)}`);
        await tab.step('This sign-on has ended');
        tab.refused(readFlow);
        await tab.open(`${daemon.base}/signon/`);
        await tab.step('This sign-on has ended');
        await tab.open(`${daemon.base}/signon/?flowId=%3Cb%3Ex`);
        await tab.step('This sign-on has ended');
    });
});

test('a sign-on left open for too long', async () => {
    const own = await demoDaemon();
    const user = await own.user();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, own, 'redirect');
        await password(tab, user);
        await tab.step('Confirm it’s you');
        own.advance(40 * 60000);
        await tab.tile('E-mail');
        await tab.step('This sign-on has ended');
        assert.deepEqual(own.messages(), []);
        tab.refused('POST selectDevice 404');
        await tab.reload();
        await tab.step('This sign-on has ended');
        tab.refused(readFlow);
        await tab.follow('Start again');
        await tab.find('button', ways.redirect);
    });
});

test('the daemon goes away, and comes back', async () => {
    const own = await demoDaemon();
    const user = await own.user();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, own, 'redirect');
        await password(tab, user);
        await tab.step('Confirm it’s you');
        await own.stop();
        await tab.tile('E-mail');
        await tab.see('The server could not be reached.');
        assert.match(tab.troubles.splice(0).join(), /ERR_CONNECTION_REFUSED/);
        await own.start();
        await tab.press('Try again');
        await tab.step('Enter your code');
        await passcode(tab, (await own.message(user.email)).code);
        await tab.step('Verified');
    });
});

// --- Languages.

for (const [languages, title] of [['de-DE,de;q=0.9,en;q=0.5', 'Anmelden'],
                                  ['fr,de;q=0.5', 'Anmelden'],
                                  ['fr', 'Sign in'], ['en,de', 'Sign in']])
    test(`Accept-Language: ${languages}`, async () => {
        const user = await daemon.user();
        await visit({ languages: languages.replace(/;q=[\d.]+/g, '') },
                    async (visitor) => {
            const tab = await visitor.tab(`${daemon.base}/demo/`);
            await tab.press(ways.redirect);
            await tab.step(title);
            const german = title === 'Anmelden';
            assert.equal(await tab.page.evaluate(
                () => document.documentElement.lang), german ? 'de' : 'en');
            const [name, word] = german ? ['Benutzername', 'Passwort']
                : ['Username', 'Password'];
            await tab.fill(name, user.username);
            await tab.fill(word, 'wrong');
            await tab.press(title);
            await until('the refusal', () => tab.replies.length, patience);
            // The server's words are in the language of the page.
            await tab.see(german ? 'Benutzername oder Passwort stimmen nicht'
                : 'We didn\'t recognize the username or password');
            tab.refused('POST checkUsernamePassword 400');
        });
    });

test('in German from the password to the end', async () => {
    const user = await daemon.user({ locale: 'de' });
    await visit({ languages: 'de' }, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'redirect');
        await tab.step('Anmelden');
        await tab.fill('Benutzername', user.username);
        await tab.fill('Passwort', user.password);
        await tab.press('Anmelden');
        await tab.step('Bestätigen Sie, dass Sie es sind');
        await tab.tile('SMS');
        await tab.step('Code eingeben');
        const { code, text } = await daemon.message(user.phone);
        assert.match(text, /ist Ihr Einmalcode/);
        await tab.fill('Einmalcode', wrongOf(code));
        await tab.press('Bestätigen');
        await tab.see('Noch 2 Versuche.');
        await tab.type(code);
        await tab.keys('Enter');
        await tab.step('Verified'); // the demo itself is English
        tab.refused('POST checkOtp 400');
    });
});

test('the demo is English, and so is what the server says on it', async () => {
    const user = await daemon.user();
    await visit({ languages: 'de' }, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'here');
        await password(tab, user, { password: 'wrong' });
        await tab.see('We didn\'t recognize the username or password');
        tab.refused('POST checkUsernamePassword 400');
    });
});

// --- The watch itself.

test('a breach of the Content-Security-Policy does fail a test', async () => {
    await assert.rejects(visit({}, async (visitor) => {
        const tab = await visitor.tab(`${daemon.base}/demo/`);
        await tab.page.evaluate(() => {
            const script = document.createElement('script');
            script.textContent = 'window.ran = true';
            document.head.append(script);
        });
        assert.equal(await tab.page.evaluate(() => window.ran), undefined);
    }), /Content Security Policy/);
});

await run({ concurrency: 2 });
