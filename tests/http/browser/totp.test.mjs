// SPDX-License-Identifier: MIT
// An authenticator app: enrolled by factorctl, its codes computed by oathtool,
// signed on with in Chromium.
import assert from 'node:assert/strict';

import { execute } from '../lib/daemon.mjs';
import { secret } from '../lib/secrets.mjs';
import { run, test } from '../lib/tap.mjs';
import { visit } from './lib/chrome.mjs';
import { beginDemo, demoDaemon, passcode, password, ways,
         wrongOf } from './lib/demo.mjs';

const daemon = await demoDaemon();

// { secret (base32), uri } of a new authenticator app.
async function enrol(user)
{
    const { status, stdout, stderr } = await daemon.ctl(
        'users', 'totp', user.username, { quiet: true });
    assert.equal(status, 0, stderr);
    const uri = new URL(/otpauth:\/\/\S+/.exec(stdout)[0]);
    assert.equal(uri.host, 'totp');
    assert.ok(decodeURIComponent(uri.pathname).includes(user.username));
    return secret('TOTP secret', uri.searchParams.get('secret'));
}

// As the app would show it, so many steps of 30 s away.
async function shown(base32, steps = 0)
{
    const now = Math.floor(daemon.now() / 1000) + 30 * steps;
    const { status, stdout } = await execute('oathtool', [
        '--totp', '--base32', '--now', `@${now}`, base32], { quiet: true });
    assert.equal(status, 0);
    return stdout.trim();
}

for (const way of Object.keys(ways))
    test(`O7: ${way}: the tile shows, oathtool's code signs in`, async () => {
        const user = await daemon.user();
        const base32 = await enrol(user);
        await visit({}, async (visitor) => {
            const tab = await beginDemo(visitor, daemon, way);
            await password(tab, user);
            await tab.step('Confirm it’s you');
            await tab.see('E-mail', 'Text message', 'Authenticator app');
            await tab.tile('Authenticator app');
            await tab.step('Enter your code');
            await tab.see('Type the code that your authenticator app shows.');
            assert.equal((await tab.text()).includes('Send the code again'),
                         false);
            await passcode(tab, await shown(base32));
            await tab.step('Verified');
            await tab.see('pwd, otp, mfa');
        });
    });

test('O7: alone, it is not asked for: the passcode page at once', async () => {
    const user = await daemon.user({ email: undefined, phone: undefined });
    const base32 = await enrol(user);
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'redirect');
        await password(tab, user);
        await tab.step('Enter your code');
        await passcode(tab, await shown(base32));
        await tab.step('Verified');
    });
});

test('O9: a code that was used does not sign in again; the next one does',
     async () => {
    const user = await daemon.user();
    const base32 = await enrol(user);
    await visit({}, async (visitor) => {
        const code = await shown(base32);
        for (const [first, then] of [[code], [code, await shown(base32, 1)]]) {
            const tab = await beginDemo(visitor, daemon, 'here');
            await password(tab, user);
            await tab.step('Confirm it’s you');
            await tab.tile('Authenticator app');
            await passcode(tab, first);
            if (then) {
                await tab.see('tries left.');
                await tab.type(then);
                await tab.keys('Enter');
                tab.refused('POST checkOtp 400');
            }
            await tab.step('Verified');
        }
    });
});

test('O4: a wrong code, then one of two steps ago, then the right one',
     async () => {
    const user = await daemon.user();
    const base32 = await enrol(user);
    await visit({ languages: 'de' }, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'redirect');
        await tab.fill('Benutzername', user.username);
        await tab.fill('Passwort', user.password);
        await tab.press('Anmelden');
        await tab.step('Bestätigen Sie, dass Sie es sind');
        await tab.tile('Authenticator-App');
        await tab.step('Code eingeben');
        await tab.fill('Einmalcode', wrongOf(await shown(base32)));
        await tab.keys('Enter');
        await tab.see('Noch 2 Versuche.');
        await tab.type(await shown(base32, -3));
        await tab.keys('Enter');
        await tab.see('Noch 1 Versuch.');
        await tab.type(await shown(base32));
        await tab.keys('Enter');
        await tab.step('Verified');
        tab.refused('POST checkOtp 400', 'POST checkOtp 400');
    });
});

await run();
